use super::*;

fn first() -> ApplySiteRequest {
    ApplySiteRequest { dry_run: true, expected_revision: Some(7), ..ApplySiteRequest::default() }
}

fn outcome() -> Result<Outcome, Failure> {
    let piece = |piece| ApplySiteResponse { piece: Some(piece) };
    let object =
        ObjectChange { verb: "create".into(), object: "group `neuro`".into(), detail: String::new() };
    let access = AccessChange {
        user: "ann".into(),
        level: 2,
        place: "neuro".into(),
        gained: vec!["group_roles_view".into()],
        ..AccessChange::default()
    };
    let summary =
        ApplySiteSummary { revision_token: "t".into(), base_revision: 41, changes: 1, unmentioned: 3 };
    Outcome::read(vec![
        piece(Piece::ObjectChange(object)),
        piece(Piece::AccessChange(access)),
        piece(Piece::Summary(summary)),
    ])
}

#[test]
fn a_document_is_cut_into_pieces_that_join_again() {
    // Three bytes a letter, so that the limit falls inside one.
    let document = "€".repeat(PIECE);
    let messages = messages(&document, &first());
    assert_eq!(messages.len(), 4);
    assert!(messages.iter().all(|message| message.document.len() <= PIECE));
    let joined: String = messages.iter().map(|message| message.document.as_str()).collect();
    assert_eq!(joined, document);
}

#[test]
fn only_the_first_message_carries_the_options_even_of_an_empty_document() {
    let several = messages(&"a".repeat(PIECE + 1), &first());
    let options: Vec<bool> = several.iter().map(|message| message.dry_run).collect();
    assert_eq!(options, [true, false]);
    assert_eq!(messages("", &first()), [first()]);
}

#[test]
fn a_dry_run_lists_objects_then_accesses_then_the_summary() {
    let text = outcome().map(|outcome| outcome.text(true, false)).unwrap_or_default();
    assert_eq!(
        text,
        "create group `neuro`\n\naccess changes:\nann\n  group neuro: gains group_roles_view\n\n\
         dry run: 1 object would change, 3 objects that the file does not name are left alone\n\
         to apply exactly this, give --expected-revision 41\n"
    );
}

#[test]
fn an_apply_ends_with_its_token() {
    let text = outcome().map(|outcome| outcome.text(false, false)).unwrap_or_default();
    assert!(text.ends_with("left alone\nrevision token: t\n"), "{text}");
    let json = outcome().map(|outcome| outcome.json(false)).unwrap_or_default();
    assert_eq!(json.get("revision_token"), Some(&json!("t")));
    assert_eq!(json.get("unmentioned"), Some(&json!(3)));
}

#[test]
fn an_answer_without_summary_is_a_failure() {
    assert!(Outcome::read(Vec::new()).is_err());
}
