//! The decision alone, beside peers that answer the same questions about the same site.

mod casbin;
mod cedar;
mod regorus;
mod rolegate;

use crate::{
    Result,
    args::Args,
    measure::{Effort, Subject, compare},
    report::{Ratio, Report},
    site::{Ask, Site},
};

/// Sites that differ in what matters to a decision: how much one user holds.
const SITES: [Site; 3] = [
    Site { users: 100, projects: 100, grants_of_a_user: 10 },
    BESIDE_PEERS,
    Site { users: 10_000, projects: 10_000, grants_of_a_user: 1_000 },
];
/// The largest site that the peers hold in memory within reason, and where targets are judged.
pub const BESIDE_PEERS: Site = Site { users: 1_000, projects: 1_000, grants_of_a_user: 100 };
/// How many questions are prepared: more than a processor's branch predictor can learn by heart.
const QUESTIONS: usize = 16_384;
/// How many answers of each subject are verified.
const VERIFIED: usize = 999;

/// The name of rolegate's own figure.
pub const ROLEGATE: &str = "rolegate decide";
/// How the names of each peer's figures begin, and how many times as long it is meant to take.
pub const PEERS: [(&str, f64); 3] = [("cedar-policy", 100.0), ("regorus", 30.0), ("casbin", 300.0)];

/// The group of figures of a site.
pub fn group(site: Site) -> String {
    format!("decide, a hit ({site})")
}

/// The fastest way of a peer.
pub fn fastest_peer<'r>(report: &'r Report, group: &str, peer: &str) -> Option<(&'r str, f64)> {
    ways_of_peer(report, group, peer).min_by(|a, b| a.1.total_cmp(&b.1))
}

/// All ways of a peer, and how long they take.
pub fn ways_of_peer<'r>(report: &'r Report, group: &str, peer: &str) -> impl Iterator<Item = (&'r str, f64)> {
    let figures = report.figures.iter().filter(move |figure| figure.group == group);
    figures
        .filter(move |figure| figure.subject.starts_with(peer))
        .map(|figure| (figure.subject.as_str(), figure.nanoseconds))
}

/// Measures rolegate at all sites, and peers at those that they can hold.
pub fn measure(args: &Args, report: &mut Report) -> Result<()> {
    for site in SITES {
        let with_peers = site.grants() <= BESIDE_PEERS.grants();
        if with_peers || !args.quick {
            measure_site(site, with_peers, args, report)?;
        }
    }
    report.notes.extend(NOTES.map(str::to_owned));
    Ok(())
}

/// How the peers are asked, for whoever wants to judge whether that is fair.
const NOTES: [&str; 4] = [
    "decide: the questions, requests, inputs and entities are prepared before; asking is all that is timed",
    "cedar-policy: a policy a role, actions in groups, entities of the one user (and, with teams, its projects)",
    "regorus: grants as data by user and project; its interpreter, and its virtual machine",
    "casbin: roles with domains, not cached; a rule for each role's action, and one a role with actions in groups",
];

fn measure_site(site: Site, with_peers: bool, args: &Args, report: &mut Report) -> Result<()> {
    let group = group(site);
    eprintln!("{group}: preparing");
    let (hits, mixed) = (site.hits(QUESTIONS), site.mixed(VERIFIED));
    let ours = rolegate::Prepared::new(site, &hits, &mixed)?;
    let peers = if with_peers { Some(Peers::new(site, &hits, &mixed)?) } else { None };
    let mut subjects = vec![ours.subject()];
    subjects.extend(peers.iter().flat_map(Peers::subjects));
    let figures = compare(&group, Effort::new(args.quick, args.criterion), subjects);
    report.figures.extend(figures);
    let Some(time) = report.time(&group, ROLEGATE) else { return Ok(()) };
    let found = PEERS.iter().filter_map(|(peer, _)| fastest_peer(report, &group, peer));
    let ratio = |(peer, theirs): (&str, f64)| {
        let name = format!("{peer} by decide, {} grants a user", site.grants_of_a_user);
        Ratio { name, times: theirs / time }
    };
    let ratios: Vec<Ratio> = found.map(ratio).collect();
    report.ratios.extend(ratios);
    Ok(())
}

/// All peers over one site.
struct Peers {
    cedar: [cedar::Prepared; 2],
    regorus: regorus::Prepared,
    casbin: [casbin::Prepared; 2],
}

impl Peers {
    fn new(site: Site, hits: &[Ask], mixed: &[Ask]) -> Result<Self> {
        let cedar = |way| cedar::Prepared::new(way, site, hits, mixed);
        let casbin = |way| casbin::Prepared::new(way, site, hits, mixed);
        Ok(Self {
            cedar: [cedar(cedar::Way::Sets)?, cedar(cedar::Way::Teams)?],
            regorus: regorus::Prepared::new(site, hits, mixed)?,
            casbin: [casbin(casbin::Way::RuleAnAction)?, casbin(casbin::Way::ActionGroups)?],
        })
    }

    fn subjects(&self) -> Vec<Subject<'_>> {
        let mut subjects: Vec<_> = self.cedar.iter().map(cedar::Prepared::subject).collect();
        subjects.extend(self.regorus.subjects());
        subjects.extend(self.casbin.iter().map(casbin::Prepared::subject));
        subjects
    }
}

/// Verifies a subject's answers, allows and denies of all kinds.
fn verify(name: &str, site: Site, asks: &[Ask], mut answer: impl FnMut(&Ask) -> Result<bool>) -> Result<()> {
    for ask in asks {
        let (given, right) = (answer(ask)?, site.allows(*ask));
        if given != right {
            return Err(format!("{name} answers {given} where {right} is right: {ask:?}").into());
        }
    }
    Ok(())
}
