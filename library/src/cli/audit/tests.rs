use super::*;

fn page(epoch: &str, oldest: &str) -> ListAuditResponse {
    ListAuditResponse { epoch: epoch.to_owned(), oldest: oldest.to_owned(), ..Default::default() }
}

#[test]
fn a_follower_learns_what_is_missing_and_only_then() {
    let id = |revision: u64| format!("{revision:016x}00000000");
    let missing = Gap::NoLongerKept { after: id(9), before: id(50) };
    for (epoch, after, page, expected) in [
        (None, None, page("a", &id(50)), None),
        (Some("a"), Some(id(9)), page("a", &id(2)), None),
        (Some("a"), Some(id(9)), page("a", &id(9)), None),
        (Some("a"), Some(id(9)), page("a", &id(10)), None),
        (Some("a"), Some(id(9)), page("a", ""), None),
        (Some("a"), Some(id(9)), page("a", &id(50)), Some(missing)),
        (Some("a"), Some(id(9)), page("b", &id(2)), Some(Gap::OtherHistory)),
    ] {
        assert_eq!(gap(epoch, after.as_deref(), &page), expected);
    }
}

#[test]
fn whoever_goes_on_behind_the_newest_goes_on_in_another_history() {
    let id = |revision: u64| format!("{revision:016x}00000000");
    for (after, newest, is_other) in
        [(id(9), id(8), true), (id(9), id(9), false), (id(9), id(10), false), (id(9), String::new(), false)]
    {
        let page = ListAuditResponse { newest, ..page("a", &id(9)) };
        assert_eq!(gap(None, Some(&after), &page), is_other.then_some(Gap::OtherHistory), "{page:?}");
    }
}

#[test]
fn what_was_not_asked_for_is_known_as_well() {
    let id = |revision: u64| format!("{revision:016x}00000000");
    let page =
        |newest: &str, entries| ListAuditResponse { newest: newest.to_owned(), entries, ..page("a", &id(2)) };
    let entry = AuditEntry { id: id(5), ..AuditEntry::default() };
    for (after, page, expected) in [
        (Some(id(1)), page(&id(9), vec![entry]), Some(id(5))),
        (Some(id(5)), page(&id(9), vec![]), Some(id(9))),
        (None, page(&id(9), vec![]), Some(id(9))),
        (Some(id(1)), page("", vec![]), Some(id(2))),
        (Some(id(5)), page("", vec![]), Some(id(5))),
        (None, ListAuditResponse::default(), None),
    ] {
        assert_eq!(seen(after, &page), expected);
    }
}

#[test]
fn what_a_server_sends_cannot_steer_a_terminal() {
    let entry = AuditEntry { credential: "key \u{1b}[2J".to_owned(), ..AuditEntry::default() };
    let told = Told { entry, epoch: "a".to_owned() };
    assert!(!line(&told, Format::Table).contains('\u{1b}'));
}
