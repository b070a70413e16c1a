-- The journal of results, FILE.db.d/results.journal: each result also stands there, before it is acknowledged, so that rows
-- that this file has lost are missed.
ALTER TABLE attempt ADD COLUMN digest BLOB CHECK (length(digest) = 16);  -- of the numbers of its result, as in the journal
CREATE TABLE journal (
  id       BLOB NOT NULL CHECK (length(id) = 16),  -- of this database: its journal begins with it
  compared INTEGER NOT NULL                        -- bytes of the journal whose results are here
) STRICT;
INSERT INTO journal (id, compared) VALUES (randomblob(16), 0);
