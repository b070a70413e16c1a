-- Parameters of residual networks, loss variants and schedules; the defaults mean what every job before them did. The
-- epochs of train.schedule.at, a list, stand in the description alone.
ALTER TABLE job ADD COLUMN shortcut TEXT NOT NULL DEFAULT 'A';
ALTER TABLE job ADD COLUMN bn_passes TEXT NOT NULL DEFAULT 'two';
ALTER TABLE job ADD COLUMN bn_running TEXT NOT NULL DEFAULT 'both';
ALTER TABLE job ADD COLUMN penalty TEXT NOT NULL DEFAULT 'hinge';
ALTER TABLE job ADD COLUMN output TEXT NOT NULL DEFAULT 'logits';
ALTER TABLE job ADD COLUMN grad_through TEXT NOT NULL DEFAULT 'both';
ALTER TABLE job ADD COLUMN nesterov TEXT NOT NULL DEFAULT 'false';
ALTER TABLE job ADD COLUMN decay_norms TEXT NOT NULL DEFAULT 'true';
ALTER TABLE job ADD COLUMN schedule TEXT NOT NULL DEFAULT 'constant';
ALTER TABLE job ADD COLUMN schedule_factor REAL NOT NULL DEFAULT 0.1;
ALTER TABLE job ADD COLUMN warmup_epochs REAL NOT NULL DEFAULT 0;
