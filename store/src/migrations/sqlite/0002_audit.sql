-- Who changed what: for every object that a write changed, what it was and what it became. Kept for longer than `changes`,
-- and read by people alone.
CREATE TABLE audit (
    id         TEXT    PRIMARY KEY, -- the revision and a number in it, in hexadecimal: in the order of the writes
    changed_at INTEGER NOT NULL, -- seconds since 1970
    actor      TEXT    NOT NULL, -- a user's id, or `operator`
    credential TEXT    NOT NULL, -- the API key's id and label, or the operating system's user
    kind       TEXT    NOT NULL,
    subject    TEXT    NOT NULL, -- the object's id
    was        TEXT    NOT NULL, -- JSON: the parts that are different now; `null` if there was no such object
    became     TEXT    NOT NULL  -- the same as they are now; `null` if the object is gone
) STRICT, WITHOUT ROWID;
