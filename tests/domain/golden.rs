//! What must never change: the meaning of bits, their order on the wire, and the name of the catalogue.

use rolegate::rbac::{
    action::{Action, catalogue_fingerprint},
    mask::ActionMask,
};

const BITS: &str = include_str!("../golden/action_bits.txt");
const FINGERPRINT: &str = include_str!("../golden/catalogue_fingerprint.txt");

fn frozen() -> Vec<(u32, &'static str)> {
    let line = |line: &'static str| {
        let (bit, name) = line.split_once(' ').unwrap();
        (bit.parse().unwrap(), name)
    };
    BITS.lines().map(line).collect()
}

#[test]
fn every_frozen_bit_still_bears_its_name() {
    for (bit, name) in frozen() {
        assert_eq!(Action::from_name(name).map(Action::bit), Some(bit), "{name}");
    }
}

#[test]
fn every_action_is_frozen_at_its_bit() {
    let now: Vec<_> = Action::ALL.into_iter().map(|action| (action.bit(), action.name())).collect();
    assert_eq!(now, frozen());
}

#[test]
fn frozen_bits_are_65_without_gap_or_repetition() {
    let bits: Vec<u32> = frozen().iter().map(|(bit, _)| *bit).collect();
    assert_eq!(bits, (0..65).collect::<Vec<_>>());
}

#[test]
fn the_catalogue_keeps_its_fingerprint() {
    assert_eq!(catalogue_fingerprint(), FINGERPRINT.trim_end());
}

#[test]
fn bit_n_is_bit_n_mod_8_of_byte_n_div_8() {
    for action in Action::ALL {
        let n = action.bit();
        let mut bytes = [0_u8; 16];
        bytes[(n / 8) as usize] = 1 << (n % 8);
        assert_eq!(ActionMask::of(&[action]).to_bytes(), bytes, "{}", action.name());
    }
}

#[test]
fn bytes_of_known_masks_are_frozen() {
    assert_eq!(ActionMask::EMPTY.to_bytes(), [0; 16]);
    assert_eq!(
        ActionMask::all().to_bytes(),
        [255, 255, 255, 255, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0]
    );
    let spread = ActionMask::of(&[
        Action::ContainersViewMetadata,
        Action::AnalysesModifyMetadata,
        Action::TasksReportRead,
        Action::MalwareFindingsView,
    ]);
    assert_eq!(spread.to_bytes(), [0b1, 0b10, 0, 0, 0, 0, 0, 0b1000_0000, 0b1, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn a_mask_gives_its_actions_back_in_catalogue_order() {
    let backwards: ActionMask = Action::ALL.into_iter().rev().collect();
    assert!(backwards.iter().eq(Action::ALL));
    for action in Action::ALL {
        assert!(ActionMask::of(&[action]).iter().eq([action]));
        assert!(!ActionMask::all().minus(ActionMask::of(&[action])).contains(action));
    }
}
