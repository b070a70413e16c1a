-- Checkpoints that workers sent, so that a job goes on elsewhere: files FILE.db.d/checkpoints/DIGEST. One is kept a job
-- under way, the newest; it leaves the disk after its row says `doomed`, or its job is over.
CREATE TABLE checkpoint (
  digest  TEXT PRIMARY KEY,   -- SHA-256 of the file
  job     INTEGER NOT NULL,   -- and its attempt that sent it
  attempt INTEGER NOT NULL,
  step    INTEGER NOT NULL,   -- finished ones
  bytes   INTEGER NOT NULL,
  state   TEXT NOT NULL CHECK (state = 'kept' OR state = 'doomed')
) STRICT, WITHOUT ROWID;
CREATE INDEX checkpoint_by_job ON checkpoint (job);

-- Where the attempt began, when not at the first step: for people.
ALTER TABLE attempt ADD COLUMN began TEXT;
