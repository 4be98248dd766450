//! What is read here is what decoding the usual way makes of it, errors included.

use super::*;
use proptest::prelude::*;
use proto::{
    BatchCheckItem, BatchCheckRequest, Operation, Resource, batch_check_item::Question, resource::Place,
};

fn unread(message: &[u8]) -> Unread {
    Unread { items: count(message), message: Bytes::copy_from_slice(message) }
}

/// What an item says, as a message again.
fn owned(parts: Parts<'_>) -> BatchCheckItem {
    let place = |at| match at {
        At::Nowhere => None,
        At::Site => Some(Place::Site(proto::Site {})),
        At::Group(id) => Some(Place::Group(id.to_owned())),
        At::Project(id) => Some(Place::Project(id.to_owned())),
    };
    BatchCheckItem {
        user: parts.user.map(str::to_owned),
        resource: parts.at.map(|at| Resource { place: place(at) }),
        question: parts.asked.map(|asked| match asked {
            Asked::Action(name) => Question::Action(name.to_owned()),
            Asked::Operation(operation) => Question::Operation(operation.clone()),
        }),
    }
}

fn read_whole(message: &[u8]) -> Result<BatchCheckRequest, String> {
    let unread = unread(message);
    let Batch { beside, items } = unread.read().map_err(|status| status.message().to_owned())?;
    assert!(beside.items.is_empty());
    Ok(BatchCheckRequest { items: items.iter().map(|item| owned(item.parts())).collect(), ..beside })
}

fn decoded(message: &[u8]) -> Result<BatchCheckRequest, String> {
    BatchCheckRequest::decode(message).map_err(|error| error.to_string())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z@.]{0,20}", 1 => "\\PC{0,8}", 1 => "[é]{60,70}", 1 => "[a-z]{120,140}"]
}

fn resource() -> impl Strategy<Value = Resource> {
    let place = prop_oneof![
        Just(Place::Site(proto::Site {})),
        text().prop_map(Place::Group),
        text().prop_map(Place::Project)
    ];
    proptest::option::of(place).prop_map(|place| Resource { place })
}

fn question() -> impl Strategy<Value = Question> {
    let operation = (text(), proptest::option::of(text())).prop_map(|(name, gear)| Operation {
        name,
        gear,
        ..Operation::default()
    });
    prop_oneof![3 => text().prop_map(Question::Action), 1 => operation.prop_map(Question::Operation)]
}

fn an_item() -> impl Strategy<Value = BatchCheckItem> {
    use proptest::option::of;
    (of(text()), of(resource()), of(question())).prop_map(|(user, resource, question)| BatchCheckItem {
        user,
        resource,
        question,
    })
}

fn a_batch() -> impl Strategy<Value = BatchCheckRequest> {
    let items = proptest::collection::vec(an_item(), 0..6);
    let defaults = (proptest::option::of(text()), proptest::option::of(resource()));
    (defaults, items, any::<bool>()).prop_map(|((default_user, default_resource), items, explain)| {
        BatchCheckRequest { default_user, default_resource, items, explain, ..BatchCheckRequest::default() }
    })
}

/// Bytes that protobuf may mistake for something.
fn telling_byte() -> impl Strategy<Value = u8> {
    prop_oneof![0..0x40_u8, any::<u8>(), Just(0x2a), Just(0x0a), Just(0x12), Just(0x1a), Just(0x80)]
}

/// A batch, and what became of it on its way: a place within it, and what is done there.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), 0..5_u8, telling_byte());
    (a_batch(), a_batch(), proptest::collection::vec(change, 0..4)).prop_map(|(batch, more, changes)| {
        let mut message = batch.encode_to_vec();
        for (at, kind, byte) in changes {
            let at = at.index(message.len() + 1);
            match kind {
                0 => message.truncate(at),
                1 => message.insert(at, byte),
                2 => message.extend_from_within(at..),
                3 => message.extend(more.encode_to_vec()),
                _ if at < message.len() => message[at] = byte,
                _ => {}
            }
        }
        message
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_batch_is_read_as_it_is_decoded(batch in a_batch()) {
        prop_assert_eq!(read_whole(&batch.encode_to_vec()), Ok(batch));
    }

    #[test]
    fn a_broken_batch_is_read_as_it_is_decoded(message in mutated()) {
        prop_assert_eq!(read_whole(&message), decoded(&message));
    }

    #[test]
    fn an_item_of_any_bytes_is_read_as_it_is_decoded(item in proptest::collection::vec(telling_byte(), 0..24)) {
        let mut message = vec![0x2a, u8::try_from(item.len()).unwrap()];
        message.extend(item);
        prop_assert_eq!(read_whole(&message), decoded(&message));
    }

    #[test]
    fn any_bytes_are_read_as_they_are_decoded(message in proptest::collection::vec(telling_byte(), 0..24)) {
        prop_assert_eq!(read_whole(&message), decoded(&message));
    }
}

#[test]
fn usual_items_are_read_where_they_lie() {
    let item = |place| BatchCheckItem {
        user: Some("ann@site.example".to_owned()),
        resource: Some(Resource { place: Some(place) }),
        question: Some(Question::Action("files_download".to_owned())),
    };
    let usual = [
        BatchCheckItem::default(),
        item(Place::Site(proto::Site {})),
        item(Place::Group("imaging".to_owned())),
        item(Place::Project("zürich".to_owned())),
        BatchCheckItem { user: None, ..item(Place::Project(String::new())) },
        BatchCheckItem { resource: None, ..item(Place::Site(proto::Site {})) },
    ];
    for item in usual {
        let bytes = item.encode_to_vec();
        assert_eq!(Parts::read(&bytes).map(owned), Some(item));
    }
}

#[test]
fn nesting_as_deep_as_it_may_be_is_read_and_one_deeper_is_not() {
    for depth in 90..110 {
        // Groups of a field that is not known, within an item.
        let item = [[0x7b].repeat(depth), [0x7c].repeat(depth)].concat();
        let mut message = vec![0x2a];
        prost::encoding::encode_varint(item.len() as u64, &mut message);
        message.extend(item);
        assert_eq!(read_whole(&message), decoded(&message), "{depth}");
    }
}

#[test]
fn items_are_counted_as_decoding_would_find_them() {
    let item = BatchCheckItem { user: Some("ann".into()), ..Default::default() };
    for items in [0, 1, 2, 1_000] {
        let batch = BatchCheckRequest {
            default_user: Some("bob".into()),
            items: vec![item.clone(); items],
            explain: true,
            ..Default::default()
        };
        assert_eq!(count(&batch.encode_to_vec()), items);
    }
}

#[test]
fn what_cannot_be_read_ends_the_count() {
    assert_eq!(count(&[0x2a, 0, 0x2a, 0, 0xff]), 2);
    assert_eq!(count(&[0x2a, 0, 0x2a, 9, 0]), 1);
    assert_eq!(count(&[0x28, 1]), 0);
}

#[test]
fn one_item_too_many_is_refused_with_both_numbers() {
    let refuse = |items| refuse_more_than(MOST_BATCH_ITEMS, "that any server takes", items);
    assert!(refuse(MOST_BATCH_ITEMS).is_ok());
    let refused = refuse(MOST_BATCH_ITEMS + 1).err();
    assert!(refused.is_some_and(|status| status.message().contains("10001 questions, and 10000 is")));
}
