-- The database roles of rolegate, for a database of its own. Run it after `rolegate migrate` or `rolegate init`, as the
-- owner of the tables (whoever ran that), as often as you like: psql -v ON_ERROR_STOP=1 -d roles -f roles.sql
--
-- Making roles takes the right to (CREATEROLE). If the owner has it not, let an administrator make these two first.
-- Passwords are not set here: \password rolegate_control, \password rolegate_sidecar.

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rolegate_control') THEN
        CREATE ROLE rolegate_control LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rolegate_sidecar') THEN
        CREATE ROLE rolegate_sidecar LOGIN;
        ALTER ROLE rolegate_sidecar SET default_transaction_read_only = on;
    END IF;
END $$;

-- A control plane reads and writes rows, and changes no tables.
GRANT USAGE ON SCHEMA public TO rolegate_control;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rolegate_control;
REVOKE ALL ON _sqlx_migrations FROM rolegate_control;

-- A sidecar reads what decisions need. API keys are none of its business, and neither is who changed what: it
-- may not read the audit.
GRANT USAGE ON SCHEMA public TO rolegate_sidecar;
GRANT SELECT ON store, which_history, users, roles, role_actions, groups, group_members, projects, project_permissions,
    gears, gear_projects, gear_users TO rolegate_sidecar;
GRANT SELECT (revision, stamp, subjects) ON changes TO rolegate_sidecar;
