//! Listening on TCP ports and Unix sockets.

use crate::config::Address;
use std::{
    fs, io, net,
    os::unix::{
        self,
        fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    pin::Pin,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// A bound listener.
pub enum Listener {
    /// On a TCP port.
    Tcp(TcpListener),
    /// On a Unix socket.
    Unix(UnixSocket),
}

/// A Unix socket that listens. Its file goes when it does.
pub struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    file: (u64, u64),
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        // Whoever has put something else in its place keeps that. No other file can have this one's number yet: the
        // listener still holds it.
        if file_at(&self.path).is_ok_and(|file| file == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// An accepted connection, bound to no runtime yet.
pub(super) enum Accepted {
    Tcp(net::TcpStream),
    Unix(unix::net::UnixStream),
}

/// An accepted connection, bound to the runtime that serves it.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Accepted {
    /// Binds it to the runtime that this is called on.
    pub(super) fn settle(self) -> io::Result<Socket> {
        match self {
            Self::Tcp(stream) => TcpStream::from_std(stream).map(Socket::Tcp),
            Self::Unix(stream) => UnixStream::from_std(stream).map(Socket::Unix),
        }
    }
}

impl Listener {
    /// Binds an address. A socket file that nobody listens on any more is replaced.
    ///
    /// # Errors
    /// The address is in use, or not ours to bind.
    pub async fn bind(address: &Address, unix_mode: u32) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => TcpListener::bind(address).await.map(Self::Tcp),
            Address::Unix(path) => {
                remove_stale(path).await?;
                bind_unix(path, unix_mode).map(Self::Unix)
            }
        }
    }

    /// Where it is bound; the port is real even if 0 was asked for.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(socket) => Ok(Address::Unix(socket.path.clone())),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // Fails only where the caller is gone already, which is found out by reading.
                let _ = stream.set_nodelay(true);
                stream.into_std().map(Accepted::Tcp)
            }
            Self::Unix(socket) => {
                let (stream, _) = socket.listener.accept().await?;
                stream.into_std().map(Accepted::Unix)
            }
        }
    }
}

/// Binds in a folder that only its owner may enter, and moves the socket to its place with the rights that it is to
/// have: it never stands open to more than its mode says, whatever the process's umask lets through.
fn bind_unix(path: &Path, mode: u32) -> io::Result<UnixSocket> {
    let folder = PrivateFolder::beside(path)?;
    let draft = folder.0.join("s");
    let listener = UnixListener::bind(&draft)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(mode))?;
    let file = file_at(&draft)?;
    fs::rename(&draft, path)?;
    Ok(UnixSocket { listener, path: path.to_owned(), file })
}

/// Which file it is, wherever it is moved.
fn file_at(path: &Path) -> io::Result<(u64, u64)> {
    fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino()))
}

/// A new folder that only its owner may enter; removed when dropped.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn beside(path: &Path) -> io::Result<Self> {
        let mut made = Err(io::ErrorKind::AlreadyExists.into());
        for _ in 0..100 {
            // Short, since a socket's path may have about a hundred bytes and no more.
            let name = format!(".{:02x}", getrandom::u32().map_err(io::Error::other)? & 0xff);
            let folder = path.with_file_name(name);
            made = fs::DirBuilder::new().mode(0o700).create(&folder).map(|()| Self(folder));
            if !made.as_ref().is_err_and(|error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists) {
                break;
            }
        }
        made
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(meta) if !meta.file_type().is_socket() => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something else of that name"))
        }
        Ok(_) => match UnixStream::connect(path).await {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens on it")),
            Err(_) => fs::remove_file(path),
        },
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_has_its_rights_leaves_no_draft_and_goes_with_its_listener() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let names = || -> io::Result<Vec<_>> {
            fs::read_dir(folder.path())?.map(|entry| entry.map(|entry| entry.file_name())).collect()
        };
        let path = folder.path().join("socket");
        let socket = bind_unix(&path, 0o640)?;
        assert_eq!(fs::symlink_metadata(&path)?.permissions().mode() & 0o777, 0o640);
        assert_eq!(names()?, ["socket"]);
        drop(socket);
        assert!(names()?.is_empty());
        Ok(())
    }

    #[tokio::test]
    async fn what_others_put_in_a_sockets_place_is_theirs() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("socket");
        let ours = bind_unix(&path, 0o600)?;
        let theirs = bind_unix(&path, 0o600)?;
        drop(ours);
        assert!(path.exists());
        fs::remove_file(&path)?;
        fs::write(&path, "a file")?;
        drop(theirs);
        assert_eq!(fs::read_to_string(&path)?, "a file");
        Ok(())
    }

    #[test]
    fn a_private_folder_is_for_its_owner_alone() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let private = PrivateFolder::beside(&folder.path().join("socket"))?;
        assert_eq!(fs::metadata(&private.0)?.permissions().mode() & 0o077, 0);
        Ok(())
    }
}
