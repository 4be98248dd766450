//! The one rule for ids, labels and names from outside, for every kind of text, against a naive reading of it.

use proptest::prelude::*;
use rolegate::rbac::text::{GearName, GroupId, Label, ProjectId, RoleId, TextError, UserId};

/// What each kind of text says, which must be the same.
fn verdict(text: &str) -> Result<(), TextError> {
    let all = [
        UserId::parse(text).map(|id| assert_eq!(id.as_str(), text)),
        GroupId::parse(text).map(|id| assert_eq!(id.as_str(), text)),
        ProjectId::parse(text).map(|id| assert_eq!(id.as_str(), text)),
        RoleId::parse(text).map(|id| assert_eq!(id.as_str(), text)),
        GearName::parse(text).map(|id| assert_eq!(id.as_str(), text)),
        Label::parse(text).map(|id| assert_eq!(id.as_str(), text)),
    ];
    assert!(all.iter().all(|one| *one == all[0]), "{text:?}");
    all[0]
}

/// Unicode White_Space, written out.
const WHITE_SPACE: [char; 25] = [
    '\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{85}', '\u{a0}', '\u{1680}', '\u{2000}', '\u{2001}',
    '\u{2002}', '\u{2003}', '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}',
    '\u{200a}', '\u{2028}', '\u{2029}', '\u{202f}', '\u{205f}', '\u{3000}',
];

fn is_acceptable(text: &str) -> bool {
    let is_control = |c: char| matches!(u32::from(c), 0..=0x1f | 0x7f..=0x9f);
    let at_edge = |c: Option<char>| c.is_some_and(|c| WHITE_SPACE.contains(&c));
    !text.is_empty()
        && text.len() <= 256
        && !text.chars().any(is_control)
        && !at_edge(text.chars().next())
        && !at_edge(text.chars().last())
}

#[test]
fn all_control_characters_are_refused() {
    for code in (0..=0x1f).chain(0x7f..=0x9f) {
        let text = format!("a{}b", char::from_u32(code).unwrap());
        assert_eq!(verdict(&text), Err(TextError::ControlCharacter), "{code:x}");
    }
}

#[test]
fn all_white_space_is_refused_at_the_edges() {
    for space in WHITE_SPACE {
        assert!(verdict(&format!("{space}a")).is_err(), "{space:?}");
        assert!(verdict(&format!("a{space}")).is_err(), "{space:?}");
    }
}

#[test]
fn inner_white_space_is_kept() {
    assert_eq!(verdict("Data importer (phase\u{a0}II)"), Ok(()));
}

#[test]
fn the_limit_counts_bytes_not_characters() {
    assert_eq!(verdict(&"é".repeat(128)), Ok(()));
    assert_eq!(verdict(&format!("{}a", "é".repeat(128))), Err(TextError::TooLong(257)));
}

#[test]
fn e_mail_addresses_and_hex_ids_are_fine() {
    for text in ["ann@example.org", "65f1c0a2b3d4e5f601234567", "neuro", "用户", "a/b", "🧠"] {
        assert_eq!(verdict(text), Ok(()), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_judged_as_the_rule_reads(text in any::<String>()) {
        prop_assert_eq!(verdict(&text).is_ok(), is_acceptable(&text));
    }

    #[test]
    fn text_of_awkward_characters_is_judged_as_the_rule_reads(
        text in "[ab \t\u{85}\u{a0}\u{200b}\u{2028}\u{3000}\u{feff}]{0,5}",
    ) {
        prop_assert_eq!(verdict(&text).is_ok(), is_acceptable(&text));
    }
}
