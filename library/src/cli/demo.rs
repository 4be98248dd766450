//! `rolegate serve --demo`: a sample site, and commands to try on it.

use super::local::using;
use crate::{
    config::{Address, Config, DEMO_STORE},
    net::listen::Listener,
    rbac::text::{Label, UserId},
    server::Listeners,
    site::{self, Document, apply::Options},
    store::{
        auth::{Actor, ApiKey},
        edit,
        error::{Error, Result, StoreError},
        postgres::Access,
        read::{self, PageRequest},
        setup,
        write::{WriteRules, WriteTx},
    },
};
use std::path::Path;

/// The sample site, which is also an example of a site file.
const SITE: &str = include_str!("../../../examples/demo-site.yaml");
const ADMIN: &str = "ada@demo.example";
const KEY_LABEL: &str = "demo";

/// Makes the demo's store if there is none, brings it back to the sample site, and makes a key for its admin.
///
/// # Errors
/// The store cannot be written, or the file of its name is something else.
pub(super) async fn prepare(config: &Config) -> Result<ApiKey> {
    let path = Path::new(DEMO_STORE);
    let broken = |problem: String| Error::Store(StoreError::Corrupt(problem));
    let admin = UserId::parse(ADMIN).map_err(|error| broken(error.to_string()))?;
    if !path.exists() {
        config.store.create(async |store| setup::first_admin(store, &admin, KEY_LABEL).await).await?;
    }
    let file = Document::parse(SITE).map_err(broken)?;
    let rules = WriteRules {
        required: config.engine.required,
        history: config.engine.history,
        audit: config.engine.audit,
    };
    using(&config.store, Access::Write, async |store| {
        let mut w = WriteTx::begin(store, setup::operator(rules)).await?;
        site::apply::apply(&mut w, file, Options::default()).await?;
        let key = renew_key(&mut w, &admin).await?;
        w.commit().await?;
        Ok(key)
    })
    .await
}

/// The key of an earlier run is gone from sight: it makes way for a new one.
async fn renew_key(w: &mut WriteTx, admin: &UserId) -> Result<ApiKey> {
    let page = PageRequest { size: 1_000, after: None };
    let keys = read::keys::list(w.reading(), &Actor::Operator, admin, &page).await?;
    for key in keys.items.iter().filter(|key| key.label.as_str() == KEY_LABEL) {
        edit::keys::revoke(w, &key.id).await?;
    }
    let label =
        Label::parse(KEY_LABEL).map_err(|error| Error::Store(StoreError::Corrupt(error.to_string())))?;
    Ok(edit::keys::create(w, admin, &label, None).await?.1)
}

/// Commands to copy, with the answers to expect.
pub(super) fn welcome(listeners: &Listeners, key: &ApiKey) -> String {
    let text = |listener: Option<&Listener>| {
        listener.and_then(|l| l.address().ok()).map(|address| match address {
            Address::Tcp(address) => (format!("http://{address}"), address.to_string()),
            Address::Unix(path) => (format!("unix:{}", path.display()), format!("-unix {}", path.display())),
        })
    };
    let (server, plain) = text(listeners.authorization.first()).unwrap_or_default();
    let (admin, _) =
        text(listeners.admin.as_ref()).unwrap_or_else(|| ("(no admin listener)".to_owned(), String::new()));
    let key = key.reveal();
    format!(
        "\nThe demo site is being served from {DEMO_STORE}. In another terminal:\n\n\
         # May Rosa download files of the Memory Study? Her role there is `ro`.\n\
         cargo run -q --release -- check --server {server} --user rosa@demo.example \\\n\
         \x20   --project 5f0000000000000000000001 --action files_download\n\
         # -> ALLOW  granted by role\n\n\
         # Ivy imports data: she may delete a file that a scanner sent, yet no subject that holds one.\n\
         cargo run -q --release -- check --server {server} --user ivy@demo.example \\\n\
         \x20   --project 5f0000000000000000000002 --operation file.delete --origin device\n\
         # -> ALLOW  granted by role\n\
         cargo run -q --release -- check --server {server} --user ivy@demo.example \\\n\
         \x20   --project 5f0000000000000000000002 --operation container.delete\n\
         # -> DENY  role lacks the action: containers_delete_hierarchy\n\n\
         # The same over gRPC with any client:\n\
         grpcurl -plaintext -d '{{\"user\": \"gil@demo.example\", \"resource\": {{\"project\": \
         \"5f0000000000000000000001\"}}, \"operation\": {{\"name\": \"job.run\", \"gear\": \"brain-segmenter\"}}}}' \\\n\
         \x20   {plain} rolegate.v1.AuthorizationService/Check\n\
         # -> \"decision\": \"DECISION_ALLOW\", \"reason\": \"REASON_GRANTED_BY_ROLE\"\n\n\
         # Administer as {ADMIN} (this key changes with every start of the demo):\n\
         export ROLEGATE_ADMIN_SERVER={admin} ROLEGATE_API_KEY={key}\n\
         cargo run -q --release -- role list\n\n\
         Press Ctrl-C to stop.\n"
    )
}
