//! Nearly all questions come in one piece, and are read in a shorter way than the others: nobody may be able to tell.

use super::{
    ask::{may, may_operate, operation, project},
    random::Random,
    raw::{CHECK, End, Raw, Reply, framed},
    server::{Server, Store},
    site::SITE,
};
use prost::Message as _;
use rolegate::grpc::proto::{CheckRequest, CheckResponse};

const ROUNDS: usize = 300;

fn question(random: &mut Random) -> CheckRequest {
    let user = ["ann", "bob", "nobody", "", " x"][random.below(5)];
    let place = project(["scans", "nowhere", ""][random.below(3)]);
    let mut question = match random.below(4) {
        0 => may_operate(user, place, operation(["project.delete", "no.such"][random.below(2)])),
        _ => may(user, place, ["files_download", "file_download", "site_manage", ""][random.below(4)]),
    };
    question.explain = random.below(4) == 0;
    if random.below(8) == 0 {
        question.resource = None;
    }
    question
}

/// What is sent for a question: mostly what should be, and else something that is wrong with it.
fn body(question: &CheckRequest, random: &mut Random) -> Vec<u8> {
    let message = question.encode_to_vec();
    let mut body = framed(&message);
    match random.below(12) {
        0 => body[0] = 1 + random.byte() % 3,
        1 => body.push(0),
        2 => body.extend(framed(&message)),
        3 => body.truncate(random.below(body.len() + 1)),
        4 => body[4] = random.byte(),
        5 => {
            let at = random.below(body.len());
            body[at] = random.byte();
        }
        // Twice the same fields: the later ones hold.
        6 => body = framed(&[message.clone(), message].concat()),
        _ => {}
    }
    body
}

fn cut(body: &[u8], random: &mut Random) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut rest = body;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(1 + random.below(rest.len()));
        pieces.push(piece.to_vec());
        rest = after;
    }
    // Empty frames are borne, but not many: they are a way to attack.
    if pieces.is_empty() || random.below(10) == 0 {
        pieces.insert(random.below(pieces.len() + 1), Vec::new());
    }
    pieces
}

/// All that it says but how old the data was, which is another at each time.
fn but_for_age(reply: Reply) -> Reply {
    let body = match reply.body.split_at_checked(5) {
        Some((prefix, message)) => {
            let answer = CheckResponse::decode(message).expect("a reply that can be read");
            assert_eq!(prefix, &framed(message)[..5], "and that is as long as it says");
            CheckResponse { data_age: None, ..answer }.encode_to_vec()
        }
        None => reply.body,
    };
    Reply { body, ..reply }
}

#[tokio::test]
async fn how_a_question_is_cut_into_frames_changes_nothing_of_its_answer() {
    let store = Store::with_site(SITE);
    let server = Server::start(&store).await;
    let raw = Raw::connect(&server.questions).await;
    let mut random = Random::seeded();
    let mut answered = 0;
    for _ in 0..ROUNDS {
        let body = body(&question(&mut random), &mut random);
        let ask = async |pieces, end| {
            but_for_age(raw.send_in_pieces(raw.grpc(CHECK), pieces, end).await.expect("an answer"))
        };
        for end in [End::WithTheLast, End::AfterTheLast, End::WithTrailers] {
            let whole = ask(vec![body.clone()], end).await;
            let pieces = cut(&body, &mut random);
            assert_eq!(ask(pieces.clone(), end).await, whole, "{pieces:?} {end:?}");
            answered += usize::from(!whole.body.is_empty());
        }
    }
    // Neither all nor none of it is nonsense.
    assert!((ROUNDS / 10..ROUNDS * 3).contains(&answered), "{answered}");
}
