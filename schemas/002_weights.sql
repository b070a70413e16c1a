-- Checkpoints and trained weights. Weights lie beside the database, in FILE.db.d/weights/DIGEST.safetensors, named by
-- training.weights_digest.
ALTER TABLE sweep ADD COLUMN checkpoint_s REAL NOT NULL DEFAULT 60;
ALTER TABLE sweep ADD COLUMN continue_any INTEGER NOT NULL DEFAULT 0 CHECK (continue_any IN (0, 1));
ALTER TABLE sweep ADD COLUMN keep_weights INTEGER NOT NULL DEFAULT 0 CHECK (keep_weights IN (0, 1));
