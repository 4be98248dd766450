-- Text is compared byte by byte, whatever the database's own collation is.

-- One row: where the store stands. Every write locks and advances it inside its own transaction.
CREATE TABLE store (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    revision BIGINT NOT NULL,
    stamp BIGINT NOT NULL, -- random, made with the revision: tells histories apart that forked
    schema BIGINT NOT NULL, -- the newest migration that has run
    usable_from BIGINT NOT NULL, -- the schema that a binary must know at least: raised by what older ones cannot live with
    -- The run of the server (its timeline, and when it started) in which this history was last vouched for. In another one the
    -- files may be older ones that were put back: whoever may write knows that they are not, or gives the store a new epoch.
    server TEXT COLLATE "C" NOT NULL DEFAULT ''
);

-- What each revision changed, kept for a bounded number of revisions.
CREATE TABLE changes (
    revision BIGINT PRIMARY KEY,
    stamp BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    changed_at BIGINT NOT NULL, -- seconds since 1970
    subjects TEXT COLLATE "C" NOT NULL -- one a line: a letter for the kind, then the id
);

CREATE TABLE users (
    id TEXT COLLATE "C" PRIMARY KEY,
    site_role TEXT COLLATE "C" NOT NULL,
    enabled BIGINT NOT NULL CHECK (enabled IN (0, 1)),
    revision BIGINT NOT NULL
);

CREATE TABLE api_keys (
    id TEXT COLLATE "C" PRIMARY KEY,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    label TEXT COLLATE "C" NOT NULL,
    secret_hash BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT
);
CREATE INDEX api_keys_of_user ON api_keys (user_id, id);

-- The built-in roles have rows, so that others can refer to them; what they may do is the binary's to say.
CREATE TABLE roles (
    id TEXT COLLATE "C" PRIMARY KEY,
    label TEXT COLLATE "C" NOT NULL UNIQUE,
    built_in BIGINT NOT NULL CHECK (built_in IN (0, 1)),
    revision BIGINT NOT NULL
);
INSERT INTO roles (id, label, built_in, revision)
VALUES ('admin', 'admin', 1, 0), ('rw', 'rw', 1, 0), ('ro', 'ro', 1, 0);

CREATE TABLE role_actions (
    role_id TEXT COLLATE "C" NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    action TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (role_id, action)
);

CREATE TABLE groups (
    id TEXT COLLATE "C" PRIMARY KEY,
    label TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL
);

CREATE TABLE group_members (
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_of_user ON group_members (user_id, group_id, role);

CREATE TABLE role_offers (
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    role_id TEXT COLLATE "C" NOT NULL REFERENCES roles (id),
    PRIMARY KEY (group_id, role_id)
);
CREATE INDEX role_offers_of_role ON role_offers (role_id, group_id);

CREATE TABLE template_entries (
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id TEXT COLLATE "C" NOT NULL REFERENCES roles (id),
    PRIMARY KEY (group_id, user_id, role_id)
);
CREATE INDEX template_entries_of_user ON template_entries (user_id);
CREATE INDEX template_entries_of_role ON template_entries (role_id, group_id);

CREATE TABLE projects (
    id TEXT COLLATE "C" PRIMARY KEY,
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id),
    label TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    UNIQUE (group_id, label)
);

CREATE TABLE project_permissions (
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role_id TEXT COLLATE "C" NOT NULL REFERENCES roles (id),
    PRIMARY KEY (project_id, user_id, role_id)
);
CREATE INDEX project_permissions_of_user ON project_permissions (user_id, project_id, role_id);
CREATE INDEX project_permissions_of_role ON project_permissions (role_id, project_id);

CREATE TABLE gears (
    name TEXT COLLATE "C" PRIMARY KEY,
    restricted BIGINT NOT NULL CHECK (restricted IN (0, 1)),
    revision BIGINT NOT NULL
);

CREATE TABLE gear_projects (
    gear TEXT COLLATE "C" NOT NULL REFERENCES gears (name) ON DELETE CASCADE,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    PRIMARY KEY (gear, project_id)
);
CREATE INDEX gear_projects_of_project ON gear_projects (project_id);

CREATE TABLE gear_users (
    gear TEXT COLLATE "C" NOT NULL REFERENCES gears (name) ON DELETE CASCADE,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (gear, user_id)
);
CREATE INDEX gear_users_of_user ON gear_users (user_id);

-- One row: which history this is. Another epoch means that revisions cannot be compared. It is written only to give the
-- store a new one, so that the transaction that wrote it, which goes into what callers see as the epoch, tells a restored
-- row from the one it is a copy of. In a dump the data of this table comes last, by its name: whoever looks while one is
-- being restored finds no store yet.
CREATE TABLE which_history (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    epoch TEXT COLLATE "C" NOT NULL -- random
);
