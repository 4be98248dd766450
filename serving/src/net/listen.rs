//! Listening on TCP ports and Unix sockets.

use super::{
    address::Address,
    socket::Accepted,
    tls::{Protocol, Tls},
};
use crate::telemetry::doors::Doors;
use std::{
    fs, io,
    net::{self as std_net, SocketAddr},
    os::{
        fd::AsFd as _,
        unix::{
            self,
            fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
        },
    },
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::{self, TcpListener, UnixListener, UnixStream};

/// How many connections to a TCP port may wait to be accepted, if the system allows as many. A further one would be dropped
/// or cut off, without a word why, after its client has been told that it is connected. Unix sockets have as many as may be.
pub(super) const WAITING: u32 = 4_096;

/// A bound listener.
pub enum Listener {
    /// On a TCP port.
    Tcp(TcpSocket),
    /// On a Unix socket.
    Unix(UnixSocket),
}

/// A TCP port that listens.
pub struct TcpSocket {
    listener: TcpListener,
    // INVARIANT: where there is TLS, nothing else is spoken.
    tls: Option<(Tls, Protocol)>,
}

/// A Unix socket that listens. Its file goes when it does.
pub struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    file: (u64, u64),
    uids: Arc<[u32]>,
}

/// Whom listeners let in, and how.
#[derive(Clone)]
pub struct Entry {
    /// The permissions of Unix sockets.
    pub unix_mode: u32,
    /// The users whose processes may connect to Unix sockets; empty for all whom the permissions let in.
    pub uids: Arc<[u32]>,
    /// What TCP ports speak, and what is spoken inside; `None` for plain text.
    pub tls: Option<(Tls, Protocol)>,
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

impl Listener {
    /// Binds an address. A socket file that nobody listens on any more is replaced.
    ///
    /// # Errors
    /// The address is in use, or not ours to bind.
    pub async fn bind(address: &Address, entry: Entry) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let listener = listen_tcp(*address)?;
                Ok(Self::Tcp(TcpSocket { listener, tls: entry.tls }))
            }
            Address::Unix(path) => {
                remove_stale(path).await?;
                bind_unix(path, entry.unix_mode, entry.uids).map(Self::Unix)
            }
        }
    }

    /// Where it is bound; the port is real even if 0 was asked for.
    ///
    /// # Errors
    /// The operating system does not say.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(socket) => socket.listener.local_addr().map(Address::Tcp),
            Self::Unix(socket) => Ok(Address::Unix(socket.path.clone())),
        }
    }

    /// Where clients find it, in the form that they take: `https://` where TLS is spoken.
    ///
    /// # Errors
    /// As [`Self::address`].
    pub fn url(&self) -> io::Result<String> {
        let address = self.address()?;
        Ok(match (self, &address) {
            (Self::Tcp(TcpSocket { tls: Some(_), .. }), Address::Tcp(address)) => {
                format!("https://{address}")
            }
            _ => address.to_string(),
        })
    }

    /// Whether what travels can be read by nobody on the way: it is encrypted, or does not leave the machine.
    #[must_use]
    pub fn is_private(&self) -> bool {
        match self {
            Self::Tcp(socket) => {
                socket.tls.is_some() || self.address().is_ok_and(|address| address.is_local())
            }
            Self::Unix(_) => true,
        }
    }

    pub(super) async fn accept(&self, doors: &Doors) -> io::Result<Accepted> {
        match self {
            Self::Tcp(socket) => {
                let (stream, peer) = socket.listener.accept().await?;
                Ok(socket.accepted(stream.into_std()?, peer))
            }
            Self::Unix(socket) => loop {
                let (stream, _) = socket.listener.accept().await?;
                if socket.admits(&stream, doors) {
                    return stream.into_std().map(Accepted::Unix);
                }
            },
        }
    }

    /// Whoever has waited for longest to be accepted; `Ok(None)` if that is somebody who may not connect. Would block where
    /// nobody waits, which the system itself is asked: the runtime may not have heard yet of those who have just connected.
    pub(super) fn accept_waiting(&self, doors: &Doors) -> io::Result<Option<Accepted>> {
        match self {
            Self::Tcp(socket) => {
                let listener =
                    socket.listener.as_fd().try_clone_to_owned().map(std_net::TcpListener::from)?;
                let (stream, peer) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Some(socket.accepted(stream, peer)))
            }
            Self::Unix(socket) => {
                let listener =
                    socket.listener.as_fd().try_clone_to_owned().map(unix::net::UnixListener::from)?;
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                let stream = UnixStream::from_std(stream)?;
                let is_let_in = socket.admits(&stream, doors);
                is_let_in.then(|| stream.into_std().map(Accepted::Unix)).transpose()
            }
        }
    }
}

impl TcpSocket {
    fn accepted(&self, stream: std_net::TcpStream, peer: SocketAddr) -> Accepted {
        // Fails only where the caller is gone already, which is found out by reading.
        let _ = stream.set_nodelay(true);
        match &self.tls {
            Some((tls, protocol)) => Accepted::Tls { stream, peer, config: tls.config(*protocol) },
            None => Accepted::Tcp(stream),
        }
    }
}

impl UnixSocket {
    /// Whether the process at the other end is of a user who may connect.
    fn admits(&self, stream: &UnixStream, doors: &Doors) -> bool {
        if self.uids.is_empty() {
            return true;
        }
        let uid = stream.peer_cred().map(|peer| peer.uid()).ok();
        let is_let_in = uid.is_some_and(|uid| self.uids.contains(&uid));
        if !is_let_in {
            doors.peer_refused(uid);
        }
        is_let_in
    }
}

fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => net::TcpSocket::new_v6()?,
    };
    // Whoever starts anew gets its port back at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING)
}

/// Binds in a folder that only its owner may enter, and moves the socket to its place with the rights that it is to
/// have: it never stands open to more than its mode says, whatever the process's umask lets through.
fn bind_unix(path: &Path, mode: u32, uids: Arc<[u32]>) -> io::Result<UnixSocket> {
    let folder = PrivateFolder::beside(path)?;
    let draft = folder.0.join("s");
    let listener = UnixListener::bind(&draft)?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(mode))?;
    let file = file_at(&draft)?;
    fs::rename(&draft, path)?;
    Ok(UnixSocket { listener, path: path.to_owned(), file, uids })
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
            // What the system says where nobody listens, and only there.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
            // One that has no room for another caller (would block) is as alive as one that has.
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "another server listens on it")),
        },
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
        let socket = bind_unix(&path, 0o640, Arc::default())?;
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
        let ours = bind_unix(&path, 0o600, Arc::default())?;
        let theirs = bind_unix(&path, 0o600, Arc::default())?;
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
