//! A site whose users may do more and less, and servers for it on a Unix socket.

use crate::server::{Server, Store};
use std::path::PathBuf;

/// `ann` may download, `vic` may look into single files, `bob` may see names alone; `cat` is on no project.
pub(crate) const SITE: &str = "\
version: 1
users:
  - {id: ann}
  - {id: vic}
  - {id: bob}
  - {id: cat}
roles:
  - id: namer
    label: Namer
    actions: [containers_view_metadata, files_view_metadata, tags_view, notes_view, project_permissions_view, \
gear_rules_view, data_views_view, session_templates_view, jobs_view]
  - id: viewer
    label: Viewer
    actions: [containers_view_metadata, files_view_metadata, tags_view, notes_view, project_permissions_view, \
gear_rules_view, data_views_view, session_templates_view, jobs_view, files_view_contents]
groups:
  - id: neuro
    offers: [namer, viewer]
    projects:
      - {id: scans, label: Scans, permissions: {ann: [rw], vic: [viewer], bob: [namer]}}
      - {id: other, label: Other, permissions: {ann: [ro]}}
      - {id: closed, label: Closed}
gears:
  - {name: segmenter}
  - {name: secret, restricted: {}}
";

/// Where the server of a store listens beside its port.
pub(crate) fn socket(store: &Store) -> PathBuf {
    store.beside("questions.sock")
}

/// The same as clients take it.
pub(crate) fn address(store: &Store) -> String {
    format!("unix:{}", socket(store).display())
}

/// What a server on a port and on the socket is started with.
pub(crate) fn listen(store: &Store) -> String {
    format!("127.0.0.1:0,{}", address(store))
}

/// A server on a port and on the socket, which serves.
pub(crate) async fn serving(store: &Store) -> Server {
    Server::start_with(store, &["--listen", &listen(store)]).await
}
