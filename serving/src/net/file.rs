//! Small files that are looked at again and again while others may change them.

use rustix::fs::OFlags;
use std::{fs::File, io::Read as _, os::unix::fs::OpenOptionsExt as _, path::Path};

/// The most that a file may hold, in bytes: hundreds of certificates, thousands of keys.
const LARGEST: u64 = 1 << 20;

/// All of a file, if that is not too much. Nothing is read that might never end, such as a pipe: nobody would look at the
/// files any more.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let text = |error: std::io::Error| error.to_string();
    // Opening a pipe would wait for whoever writes to it.
    let at_once = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(at_once).open(path).map_err(text)?;
    if !file.metadata().map_err(text)?.is_file() {
        return Err("is no regular file".to_owned());
    }
    let mut held = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut held).map_err(text)?;
    if held.len() as u64 > LARGEST {
        return Err(format!("holds more than {LARGEST} bytes"));
    }
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_most_that_it_may_hold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (size, is_read) in [(0, true), (LARGEST, true), (LARGEST + 1, false), (1 << 40, false)] {
            File::create(&path).unwrap().set_len(size).unwrap();
            assert_eq!(read(&path).map(|held| held.len() as u64).ok(), is_read.then_some(size), "{size}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            assert_eq!(read(path), Err("is no regular file".to_owned()), "{path:?}");
        }
    }
}
