-- How many jobs a sweep has, so that nobody counts them to say how far it is: those that its newest text asks for, each
-- one row neither withdrawn nor superseded. NULL while the sweep is expanding. Jobs that wait are this less the others,
-- which an index of those that have begun counts.
ALTER TABLE sweep ADD COLUMN job_count INTEGER CHECK (job_count >= 0);
UPDATE sweep SET job_count = (SELECT count(*) FROM job j INDEXED BY job_by_sweep
                              WHERE j.sweep = sweep.id AND j.withdrawn = 0 AND j.superseded_by IS NULL)
  WHERE state = 'active';
