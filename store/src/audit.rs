//! The audit: who changed what, with what it was and what it became, written in the transaction of the change itself.

use super::{
    auth::Actor,
    change::Subject,
    error::{Result, StoreError},
    tx::{
        Arg::{Int, Text},
        Row, Tx,
    },
    write::{WriteTx, unix_seconds},
};
use serde_json::{Map, Value, json};
use std::{fs, os::unix::fs::MetadataExt as _};

/// How many revisions of the audit are kept unless configured otherwise.
pub const DEFAULT_AUDIT: u64 = 1_000_000;

impl WriteTx {
    /// Takes down what an object is before it is changed, unless that is known.
    ///
    /// INVARIANT: every edit calls this before its first statement that changes the object.
    pub(super) async fn remember(&mut self, object: &Subject) -> Result<()> {
        if !self.before.contains_key(object) {
            let is = snapshot(&mut self.tx, object).await?;
            self.before.insert(object.clone(), is);
        }
        Ok(())
    }

    /// Writes an entry for every object that is not what it was, and forgets those that are older than is wanted.
    pub(super) async fn write_audit(&mut self) -> Result<()> {
        let now = unix_seconds();
        let (actor, credential) = self.writer().await?;
        let mut number = 0;
        for (object, was) in std::mem::take(&mut self.before) {
            let became = snapshot(&mut self.tx, &object).await?;
            if was == became {
                continue;
            }
            let id = entry_id(self.revision(), number);
            number += 1;
            let (was, became) = differences(was, became);
            let (kind, subject) = name(&object);
            let sql = "INSERT INTO audit (id, changed_at, actor, credential, kind, subject, was, became)
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
            let (was, became) = (was.to_string(), became.to_string());
            let args =
                [Text(&actor), Text(&credential), Text(kind), Text(subject), Text(&was), Text(&became)];
            let args: Vec<_> = [Text(&id), Int(now)].into_iter().chain(args).collect();
            self.tx.run(sql, &args).await?;
        }
        let oldest = entry_id(self.revision().saturating_sub(self.context.audit.max(1) - 1), 0);
        self.tx.run("DELETE FROM audit WHERE id < $1", &[Text(&oldest)]).await?;
        Ok(())
    }

    /// Who writes, and by what they are known.
    async fn writer(&mut self) -> Result<(String, String)> {
        let Actor::Key { user, key } = &self.context.actor else {
            return Ok(("operator".to_owned(), os_user()));
        };
        let row = self.tx.row("SELECT label FROM api_keys WHERE id = $1", &[Text(key)]).await?;
        let credential = match row {
            Some(row) => format!("key {key} ({})", row.text(0)?),
            // Revoked or deleted by this very write.
            None => format!("key {key}"),
        };
        Ok((user.to_string(), credential))
    }
}

/// How many digits an entry's id has.
pub const ID_DIGITS: usize = 24;

/// What an entry is called: entries go in the order of their ids.
fn entry_id(revision: u64, number: u32) -> String {
    format!("{revision:016x}{number:08x}")
}

/// The revision of the write that an entry is of; `None` if that is no entry's id.
#[must_use]
pub fn revision_of_entry(id: &str) -> Option<u64> {
    // In small letters alone: ids are compared as texts.
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_id = id.len() == ID_DIGITS && id.bytes().all(is_digit);
    u64::from_str_radix(id.get(..16).filter(|_| is_id)?, 16).ok()
}

/// What kind of thing an object is, and its id.
fn name(object: &Subject) -> (&'static str, &str) {
    match object {
        Subject::User(id) => ("user", id.as_str()),
        Subject::Role(id) => ("role", id.as_str()),
        Subject::Group(id) => ("group", id.as_str()),
        Subject::Project(id) => ("project", id.as_str()),
        Subject::Gear(id) => ("gear", id.as_str()),
    }
}

/// The user of this process, as the operating system has it.
fn os_user() -> String {
    let Ok(process) = fs::metadata("/proc/self") else { return String::new() };
    let uid = process.uid().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then_some(name)
    });
    found.map_or_else(|| format!("uid {uid}"), |name| format!("{name} (uid {uid})"))
}

/// What an object is now; null if it is not there. Secrets are no part of it.
async fn snapshot(tx: &mut Tx, object: &Subject) -> Result<Value, StoreError> {
    match object {
        Subject::User(id) => user(tx, id.as_str()).await,
        Subject::Role(id) => role(tx, id.as_str()).await,
        Subject::Group(id) => group(tx, id.as_str()).await,
        Subject::Project(id) => project(tx, id.as_str()).await,
        Subject::Gear(id) => gear(tx, id.as_str()).await,
    }
}

async fn user(tx: &mut Tx, id: &str) -> Result<Value, StoreError> {
    let row = tx.row("SELECT site_role, enabled FROM users WHERE id = $1", &[Text(id)]).await?;
    let Some(row) = row else { return Ok(Value::Null) };
    let mut keys = Map::new();
    let sql = "SELECT id, label, expires_at FROM api_keys WHERE user_id = $1";
    for row in tx.rows(sql, &[Text(id)]).await? {
        keys.insert(row.text(0)?, json!({ "label": row.text(1)?, "expires_at": row.maybe_int(2)? }));
    }
    Ok(json!({ "site_role": row.text(0)?, "enabled": row.flag(1)?, "keys": keys }))
}

async fn role(tx: &mut Tx, id: &str) -> Result<Value, StoreError> {
    let row = tx.row("SELECT label FROM roles WHERE id = $1", &[Text(id)]).await?;
    let Some(row) = row else { return Ok(Value::Null) };
    let actions = texts(tx, "SELECT action FROM role_actions WHERE role_id = $1 ORDER BY action", id).await?;
    Ok(json!({ "label": row.text(0)?, "actions": actions }))
}

async fn group(tx: &mut Tx, id: &str) -> Result<Value, StoreError> {
    let row = tx.row("SELECT label FROM groups WHERE id = $1", &[Text(id)]).await?;
    let Some(row) = row else { return Ok(Value::Null) };
    let mut members = Map::new();
    let sql = "SELECT user_id, role FROM group_members WHERE group_id = $1";
    for row in tx.rows(sql, &[Text(id)]).await? {
        members.insert(row.text(0)?, Value::String(row.text(1)?));
    }
    let offers =
        texts(tx, "SELECT role_id FROM role_offers WHERE group_id = $1 ORDER BY role_id", id).await?;
    let sql = "SELECT user_id, role_id FROM template_entries WHERE group_id = $1 ORDER BY user_id, role_id";
    let template = holders(&tx.rows(sql, &[Text(id)]).await?)?;
    Ok(json!({ "label": row.text(0)?, "members": members, "offers": offers, "template": template }))
}

async fn project(tx: &mut Tx, id: &str) -> Result<Value, StoreError> {
    let row = tx.row("SELECT group_id, label FROM projects WHERE id = $1", &[Text(id)]).await?;
    let Some(row) = row else { return Ok(Value::Null) };
    let sql =
        "SELECT user_id, role_id FROM project_permissions WHERE project_id = $1 ORDER BY user_id, role_id";
    let permissions = holders(&tx.rows(sql, &[Text(id)]).await?)?;
    Ok(json!({ "group": row.text(0)?, "label": row.text(1)?, "permissions": permissions }))
}

async fn gear(tx: &mut Tx, name: &str) -> Result<Value, StoreError> {
    let row = tx.row("SELECT restricted FROM gears WHERE name = $1", &[Text(name)]).await?;
    let Some(row) = row else { return Ok(Value::Null) };
    let sql = "SELECT project_id FROM gear_projects WHERE gear = $1 ORDER BY project_id";
    let projects = texts(tx, sql, name).await?;
    let users = texts(tx, "SELECT user_id FROM gear_users WHERE gear = $1 ORDER BY user_id", name).await?;
    Ok(json!({ "restricted": row.flag(0)?, "projects": projects, "users": users }))
}

async fn texts(tx: &mut Tx, sql: &'static str, id: &str) -> Result<Vec<String>, StoreError> {
    tx.rows(sql, &[Text(id)]).await?.iter().map(|row| row.text(0)).collect()
}

/// Users and their roles, from rows of both.
fn holders(rows: &[Row]) -> Result<Map<String, Value>, StoreError> {
    let mut holders = Map::new();
    for row in rows {
        let roles = holders.entry(row.text(0)?).or_insert_with(|| json!([]));
        if let Value::Array(roles) = roles {
            roles.push(Value::String(row.text(1)?));
        }
    }
    Ok(holders)
}

/// The parts in which two states differ: a change to one of a thousand permissions is about that one.
fn differences(was: Value, became: Value) -> (Value, Value) {
    let (Value::Object(was), Value::Object(mut became)) = (was.clone(), became.clone()) else {
        return (was, became);
    };
    let mut differ = (Map::new(), Map::new());
    for (key, old) in was {
        match became.remove(&key) {
            Some(new) if new == old => {}
            Some(new) => {
                let (old, new) = differences(old, new);
                differ.0.insert(key.clone(), old);
                differ.1.insert(key, new);
            }
            None => drop(differ.0.insert(key, old)),
        }
    }
    differ.1.extend(became);
    (Value::Object(differ.0), Value::Object(differ.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_kept() {
        let was = json!({"label": "L", "permissions": {"ann": ["ro"], "bob": ["rw"], "eve": ["ro"]}});
        let became = json!({"label": "L", "permissions": {"ann": ["rw"], "bob": ["rw"], "new": ["ro"]}});
        let (old, new) = differences(was.clone(), became);
        assert_eq!(old, json!({"permissions": {"ann": ["ro"], "eve": ["ro"]}}));
        assert_eq!(new, json!({"permissions": {"ann": ["rw"], "new": ["ro"]}}));
        assert_eq!(differences(Value::Null, was.clone()), (Value::Null, was));
    }

    #[test]
    fn entries_go_in_the_order_of_their_ids() {
        assert_eq!(revision_of_entry(&entry_id(77, 2)), Some(77));
        for no_id in ["", "77", &entry_id(77, 2)[1..], "00000000000000AB00000000", "x0000000000000ab00000000"]
        {
            assert_eq!(revision_of_entry(no_id), None, "{no_id}");
        }
        assert!(entry_id(9, 2) < entry_id(9, 10) && entry_id(9, 99) < entry_id(10, 0));
    }
}
