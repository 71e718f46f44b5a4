-- name: list
SELECT * FROM tokens ORDER BY token_number;

-- name: insert
INSERT INTO tokens (
    token_id, name, user, role, sha256, limits, created_by, created_at_ms, expires_at_ms,
    rotated_from
) VALUES (
    :token_id, :name, :user, :role, :sha256, :limits, :created_by, :created_at_ms, :expires_at_ms,
    :rotated_from
);

-- name: revoke
UPDATE tokens SET revoked_by = :by, revoked_at_ms = :at_ms
WHERE token_id = :token_id AND revoked_at_ms IS NULL;

-- name: let_expire
-- Never later than it would have.
UPDATE tokens SET expires_at_ms = min(coalesce(expires_at_ms, :at_ms), :at_ms)
WHERE token_id = :token_id;

-- name: note_use
UPDATE tokens SET last_used_at_ms = :at_ms, last_used_from = :source WHERE token_id = :token_id;
