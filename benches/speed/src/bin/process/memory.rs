//! What memory a cached grant takes, in a process that does nothing else.

use crate::{
    Result,
    args::Args,
    engine::{self, HEADLINE, LARGEST, Served, runtime},
    report::{Memory, Report},
    store::Stores,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// How often the memory is looked at until it does not shrink any more.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// What the process that loads a store tells.
#[derive(Debug, Deserialize, Serialize)]
struct Told {
    before: u64,
    after: u64,
    cached: u64,
}

/// Has another process load the largest site, and notes what that took.
pub fn measure(args: &Args, stores: &Stores, report: &mut Report) -> Result<()> {
    let site = if args.quick { HEADLINE } else { LARGEST };
    let store = runtime()?.block_on(stores.of(site))?;
    eprintln!("memory: loading {site} in a process of its own");
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.arg("--memory-of").arg(&store).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the process that loads {site} ended with {}", output.status).into());
    }
    let told: Told = serde_json::from_slice(&output.stdout)?;
    report.memory = Some(Memory {
        site: site.to_string(),
        grants: site.grants(),
        resident_before: told.before,
        resident_after: told.after,
        cached: told.cached,
        bytes_a_grant: told.after.saturating_sub(told.before) as f64 / site.grants() as f64,
    });
    Ok(())
}

/// Loads a store, and tells the memory before and after.
pub fn tell(store: &Path) -> Result<()> {
    let runtime = runtime()?;
    let told = runtime.block_on(load(store))?;
    println!("{}", serde_json::to_string(&told)?);
    runtime.shutdown_background();
    Ok(())
}

async fn load(store: &Path) -> Result<Told> {
    let before = resident()?;
    let served = Served::new(store, engine::Memory::Everything).await?;
    let after = settled().await?;
    Ok(Told { before, after, cached: served.engine.cached_bytes() })
}

/// The memory once what loading alone needed has been given back.
async fn settled() -> Result<u64> {
    let mut least = resident()?;
    let mut in_vain = 0;
    for _ in 0..LOOKS {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        let now = resident()?;
        in_vain = if now < least { 0 } else { in_vain + 1 };
        least = least.min(now);
        if in_vain == 4 {
            break;
        }
    }
    Ok(least)
}

/// The resident memory of this process, in bytes.
fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1_024)
}
