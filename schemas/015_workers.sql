-- Labels of workers, and workers that get no more jobs.
ALTER TABLE worker ADD COLUMN labels TEXT NOT NULL DEFAULT '';       -- a line KEY=VALUE each (common/labels.h)
ALTER TABLE worker ADD COLUMN drained TEXT NOT NULL DEFAULT 'no'
  CHECK (drained IN ('no', 'drained', 'quarantined'));               -- drained: asked to end; quarantined: see reason
ALTER TABLE worker ADD COLUMN drain_reason TEXT;
ALTER TABLE sweep ADD COLUMN requires TEXT NOT NULL DEFAULT '';      -- labels that its workers must have

-- What a worker's attempts came to, without a look at all attempts.
CREATE INDEX attempt_failed ON attempt (worker, job) WHERE outcome = 'failed';
CREATE INDEX attempt_done ON attempt (worker, ended_at) WHERE outcome = 'done';
