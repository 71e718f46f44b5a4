-- name: instance_id
SELECT instance_id FROM instance;

-- name: insert_instance
INSERT INTO instance (only_row, instance_id) VALUES (1, :instance_id);

-- name: forget_instance
DELETE FROM instance;

-- name: setting
SELECT value FROM settings WHERE key = :key;

-- name: save_setting
INSERT INTO settings (key, value) VALUES (:key, :value)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;
