-- Which trained weights are kept, the files that are there, and deleting sweeps.
ALTER TABLE sweep ADD COLUMN keep TEXT NOT NULL DEFAULT 'all' CHECK (keep IN ('all', 'best', 'none'));
UPDATE sweep SET keep = CASE WHEN keep_weights THEN 'all' ELSE 'none' END;
ALTER TABLE sweep DROP COLUMN keep_weights;
ALTER TABLE sweep ADD COLUMN keep_bytes INTEGER NOT NULL DEFAULT 0;  -- of its weights at most; 0: no limit
ALTER TABLE sweep ADD COLUMN deleting INTEGER NOT NULL DEFAULT 0 CHECK (deleting IN (0, 1));

-- One row a file FILE.db.d/weights/DIGEST.safetensors. A file is on disk before its row, and leaves the disk after
-- its row says `doomed`: a crash leaves at most a file too many.
--
--     arrived --the training's result is recorded--> kept --nobody asks for it any more--> doomed --> (no row, no file)
--        +--the attempt that brought it is over----------------------------------------------^
CREATE TABLE weights (
  digest  TEXT PRIMARY KEY,
  bytes   INTEGER NOT NULL,
  state   TEXT NOT NULL CHECK (state IN ('arrived', 'kept', 'doomed')),
  job     INTEGER NOT NULL,  -- and its attempt that brought it
  attempt INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX weights_by_job ON weights (job);
CREATE INDEX weights_doomed ON weights (digest) WHERE state = 'doomed';
CREATE INDEX training_by_weights ON training (weights_digest);
CREATE INDEX job_by_training ON job (training) WHERE training IS NOT NULL;
CREATE INDEX job_by_result_of ON job (result_of) WHERE result_of IS NOT NULL;
CREATE INDEX job_by_superseded_by ON job (superseded_by) WHERE superseded_by IS NOT NULL;
CREATE INDEX job_done_by_point ON job (sweep, point) WHERE state = 'done';

-- The highest numbers that deleted sweeps had: no number is given twice.
CREATE TABLE number_used (
  sweep INTEGER NOT NULL,
  job   INTEGER NOT NULL
) STRICT;
INSERT INTO number_used VALUES (0, 0);
