//! Nearly all questions and batches come in one message, which is read in a shorter way than that of the stack: nobody may be
//! able to tell.

use super::{
    ask::{item, may, may_operate, operation, project},
    random::Random,
    raw::{BATCH_CHECK, CHECK, End, Raw, Reply, framed},
    server::{Server, Store},
    site::SITE,
};
use prost::Message as _;
use rolegate::grpc::proto::{BatchCheckRequest, BatchCheckResponse, CheckRequest, CheckResponse};

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

/// Up to so many questions that a frame does not hold all of them.
fn batch(random: &mut Random) -> BatchCheckRequest {
    let items = (0..random.below(800)).map(|_| item(question(random))).collect();
    BatchCheckRequest { items, ..BatchCheckRequest::default() }
}

/// What is sent for a question: mostly what should be, and else something that is wrong with it.
fn body(message: Vec<u8>, random: &mut Random) -> Vec<u8> {
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
fn but_for_age(path: &str, reply: Reply) -> Reply {
    let body = match reply.body.split_at_checked(5) {
        Some((prefix, message)) => {
            assert_eq!(prefix, &framed(message)[..5], "a reply is as long as it says");
            if path == CHECK {
                let answer = CheckResponse::decode(message).expect("a reply that can be read");
                CheckResponse { data_age: None, ..answer }.encode_to_vec()
            } else {
                let answer = BatchCheckResponse::decode(message).expect("a reply that can be read");
                BatchCheckResponse { data_age: None, ..answer }.encode_to_vec()
            }
        }
        None => reply.body,
    };
    Reply { body, ..reply }
}

/// Asks for what is in a body in one piece, cut up, and so that the stack reads it; returns how often there was an answer.
async fn ask_in_all_ways(server: &Server, path: &str, body: &[u8], random: &mut Random) -> usize {
    // Whoever errs a thousand times on a connection loses it.
    let raw = Raw::connect(&server.questions).await;
    let ask = async |head, pieces, end| {
        but_for_age(path, raw.send_in_pieces(head, pieces, end).await.expect("an answer"))
    };
    let mut answered = 0;
    for end in [End::WithTheLast, End::AfterTheLast, End::WithTrailers] {
        let whole = ask(raw.grpc(path), vec![body.to_vec()], end).await;
        let pieces = cut(body, random);
        assert_eq!(ask(raw.grpc(path), pieces.clone(), end).await, whole, "{pieces:?} {end:?}");
        // Whoever says of the encoding that there is none says nothing; but all that says anything of it is left to the stack.
        let said = raw.grpc(path).header("grpc-encoding", "identity");
        assert_eq!(ask(said, pieces.clone(), end).await, whole, "read by the stack: {pieces:?} {end:?}");
        answered += usize::from(!whole.body.is_empty());
    }
    answered
}

/// Asks so often, each time in all ways.
async fn nobody_can_tell(path: &str, rounds: usize, message: impl Fn(&mut Random) -> Vec<u8>) {
    let store = Store::with_site(SITE);
    // However slow the machine, nothing is to end by its deadline in one way and not in another.
    let server = Server::start_with(&store, &["--check-timeout", "20s"]).await;
    let mut random = Random::seeded();
    let mut answered = 0;
    for _ in 0..rounds {
        let body = body(message(&mut random), &mut random);
        answered += ask_in_all_ways(&server, path, &body, &mut random).await;
    }
    // Neither all nor none of it is nonsense.
    assert!((rounds / 10..rounds * 3).contains(&answered), "{answered}");
}

#[tokio::test]
async fn how_a_question_is_cut_into_frames_changes_nothing_of_its_answer() {
    nobody_can_tell(CHECK, 300, |random| question(random).encode_to_vec()).await;
}

#[tokio::test]
async fn how_a_batch_is_cut_into_frames_changes_nothing_of_its_answers() {
    nobody_can_tell(BATCH_CHECK, 30, |random| batch(random).encode_to_vec()).await;
}
