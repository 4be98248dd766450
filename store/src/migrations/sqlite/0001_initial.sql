-- One row: where the store stands. Every write locks and advances it inside its own transaction.
CREATE TABLE store (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    epoch         TEXT    NOT NULL, -- random; another epoch means that revisions cannot be compared
    revision      INTEGER NOT NULL,
    stamp         INTEGER NOT NULL, -- random, made with the revision: tells histories apart that forked
    file_identity TEXT    NOT NULL  -- which file this was; a copy or a restored backup is another
) STRICT;

-- What each revision changed, kept for a bounded number of revisions.
CREATE TABLE changes (
    revision   INTEGER PRIMARY KEY,
    stamp      INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    changed_at INTEGER NOT NULL, -- seconds since 1970
    subjects   TEXT    NOT NULL  -- one a line: a letter for the kind, then the id
) STRICT;

CREATE TABLE users (
    id        TEXT    PRIMARY KEY,
    site_role TEXT    NOT NULL,
    enabled   INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    revision  INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    id          TEXT    PRIMARY KEY,
    user_id     TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label       TEXT    NOT NULL,
    secret_hash BLOB    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER
) STRICT;
CREATE INDEX api_keys_of_user ON api_keys (user_id, id);

-- The built-in roles have rows, so that others can refer to them; what they may do is the binary's to say.
CREATE TABLE roles (
    id       TEXT    PRIMARY KEY,
    label    TEXT    NOT NULL UNIQUE,
    built_in INTEGER NOT NULL CHECK (built_in IN (0, 1)),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO roles (id, label, built_in, revision)
VALUES ('admin', 'admin', 1, 0), ('rw', 'rw', 1, 0), ('ro', 'ro', 1, 0);

CREATE TABLE role_actions (
    role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    action  TEXT NOT NULL,
    PRIMARY KEY (role_id, action)
) STRICT, WITHOUT ROWID;

CREATE TABLE groups (
    id       TEXT    PRIMARY KEY,
    label    TEXT    NOT NULL,
    revision INTEGER NOT NULL
) STRICT;

CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role     TEXT NOT NULL,
    PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_of_user ON group_members (user_id, group_id, role);

CREATE TABLE role_offers (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    role_id  TEXT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (group_id, role_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX role_offers_of_role ON role_offers (role_id, group_id);

CREATE TABLE template_entries (
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id  TEXT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (group_id, user_id, role_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX template_entries_of_user ON template_entries (user_id);
CREATE INDEX template_entries_of_role ON template_entries (role_id, group_id);

CREATE TABLE projects (
    id       TEXT    PRIMARY KEY,
    group_id TEXT    NOT NULL REFERENCES groups (id),
    label    TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    UNIQUE (group_id, label)
) STRICT;

CREATE TABLE project_permissions (
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id    TEXT NOT NULL REFERENCES roles (id),
    PRIMARY KEY (project_id, user_id, role_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX project_permissions_of_user ON project_permissions (user_id, project_id, role_id);
CREATE INDEX project_permissions_of_role ON project_permissions (role_id, project_id);

CREATE TABLE gears (
    name       TEXT    PRIMARY KEY,
    restricted INTEGER NOT NULL CHECK (restricted IN (0, 1)),
    revision   INTEGER NOT NULL
) STRICT;

CREATE TABLE gear_projects (
    gear       TEXT NOT NULL REFERENCES gears (name) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    PRIMARY KEY (gear, project_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX gear_projects_of_project ON gear_projects (project_id);

CREATE TABLE gear_users (
    gear    TEXT NOT NULL REFERENCES gears (name) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (gear, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX gear_users_of_user ON gear_users (user_id);
