//! The file of callers' keys: read at the start and looked at again for as long as the server runs, so that keys can be
//! changed beneath it. What cannot be used leaves the last good keys in use: a server that asks for keys never stops asking.

use crate::{
    aside::aside,
    grpc::bearer::{CallerGate, CallerKeys, SHORTEST_CALLER_KEY},
    net::file,
    telemetry::doors::Doors,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How often the file is looked at. It is small, and a key that has leaked is to be of no use soon after it was taken out.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where the keys of a gate come from. Every look follows links anew, so that a folder may be swapped beneath it.
#[derive(Clone)]
pub struct CallerKeyFile {
    path: PathBuf,
    gate: CallerGate,
}

impl CallerKeyFile {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, holds no key, or one that is too short.
    pub fn load(path: PathBuf) -> Result<Self, String> {
        let keys = read(&path).map_err(|problem| format!("`{}`: {problem}", path.display()))?;
        let gate = CallerGate::new(keys);
        Ok(Self { path, gate })
    }

    /// The gate whose keys a file holds; without one, the gate that all pass.
    #[must_use]
    pub fn gate_of(file: Option<&Self>) -> CallerGate {
        file.map(|file| file.gate.clone()).unwrap_or_default()
    }

    /// Takes up what the file holds now. How many keys that is, if they are others than before.
    fn renew(&self) -> Result<Option<usize>, String> {
        let keys = read(&self.path)?;
        // A file that changes while it is read is looked at another time: a part of a key is none.
        if self.gate.uses(&keys) || read(&self.path)? != keys {
            return Ok(None);
        }
        let count = keys.count();
        self.gate.take_up(keys);
        Ok(Some(count))
    }
}

fn read(path: &Path) -> Result<CallerKeys, String> {
    let text = String::from_utf8(file::read(path)?).map_err(|_| "is not valid UTF-8".to_owned())?;
    CallerKeys::parse(&text)
        .ok_or_else(|| format!("must hold keys of at least {SHORTEST_CALLER_KEY} characters, one a line"))
}

/// Looks at the file for ever.
pub(super) async fn watch(file: CallerKeyFile, doors: Arc<Doors>) {
    let mut told = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let looking = file.clone();
        // The file may lie on what is slow to read. A look that panicked is followed by another one.
        let Ok(found) = aside(move || looking.renew()).await else { continue };
        if let Ok(Some(keys)) = found {
            tracing::info!(keys, "callers are asked for other keys from now on");
        }
        let problem = found.err();
        if let Some(problem) = &problem {
            doors.caller_keys_not_reloaded();
            if told.as_ref() != Some(problem) {
                let file = file.path.display();
                tracing::warn!(%file, problem, "the caller key file cannot be used: the last good keys stay in use");
            }
        }
        told = problem;
    }
}
