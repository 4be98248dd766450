//! Many files as one tar archive, written while it is sent.

use crate::files::Found;
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_util::io::ReaderStream;

/// What archives are made of, in bytes.
const BLOCK: u64 = 512;
/// Two empty blocks end an archive.
const END: [u8; 1024] = [0; 1024];
/// The most that a size's eleven octal digits can say.
pub(crate) const LARGEST_FILE: u64 = (1 << 33) - 1;
/// How much may be read ahead of whoever takes it in.
const AHEAD: usize = 64 << 10;

/// How long the archive is. Told beforehand, so that one that breaks off is not taken for a whole one.
pub(crate) fn length(files: &[Found]) -> u64 {
    let blocks: u64 = files.iter().map(|file| 1 + file.size.div_ceil(BLOCK)).sum();
    blocks * BLOCK + END.len() as u64
}

/// The archive. It is cut short if a file cannot be read after all.
pub(crate) fn stream(files: Vec<Found>) -> ReaderStream<DuplexStream> {
    let (mut to, from) = tokio::io::duplex(AHEAD);
    tokio::spawn(async move {
        // Ends when all is written, and also when whoever reads has gone.
        if let Err(error) = write(&files, &mut to).await {
            eprintln!("an archive was cut short: {error}");
        }
    });
    ReaderStream::new(from)
}

async fn write(files: &[Found], to: &mut DuplexStream) -> io::Result<()> {
    for found in files {
        to.write_all(&header(found)).await?;
        let mut content = found.file().await?.take(found.size);
        if tokio::io::copy(&mut content, to).await? != found.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let rest = found.size.next_multiple_of(BLOCK) - found.size;
        tokio::io::copy(&mut tokio::io::repeat(0).take(rest), to).await?;
    }
    to.write_all(&END).await
}

/// A header as POSIX has it (ustar).
fn header(file: &Found) -> Vec<u8> {
    let (project, name) = &file.label;
    let size = format!("{:011o}\0", file.size);
    let fields = |checksum: &str| {
        [
            (name.as_str(), 100),
            ("0000644\0", 8),
            ("0000000\0", 8),
            ("0000000\0", 8),
            (&size, 12),
            ("00000000000\0", 12),
            (checksum, 8),
            ("0", 1),
            ("", 100),
            ("ustar\x0000", 8),
            ("", 80),
            (project, 155),
            ("", 12),
        ]
        .into_iter()
        .flat_map(|(text, width)| text.bytes().chain(std::iter::repeat(0)).take(width))
        .collect::<Vec<u8>>()
    };
    // The sum is taken over the header with its own place blank.
    let sum: u32 = fields("        ").into_iter().map(u32::from).sum();
    fields(&format!("{sum:06o}\0 "))
}
