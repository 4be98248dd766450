-- Who changed what: for every object that a write changed, what it was and what it became. Kept for longer than `changes`,
-- and read by people alone.
CREATE TABLE audit (
    id TEXT COLLATE "C" PRIMARY KEY, -- the revision and a number in it, in hexadecimal: in the order of the writes
    changed_at BIGINT NOT NULL, -- seconds since 1970
    actor TEXT COLLATE "C" NOT NULL, -- a user's id, or `operator`
    credential TEXT COLLATE "C" NOT NULL, -- the API key's id and label, or the operating system's user
    kind TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL, -- the object's id
    was TEXT COLLATE "C" NOT NULL, -- JSON: the parts that are different now; `null` if there was no such object
    became TEXT COLLATE "C" NOT NULL -- the same as they are now; `null` if the object is gone
);

-- A binary that knows no audit must not write past it.
UPDATE store SET schema = 2, usable_from = 2;
