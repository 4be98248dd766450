-- The database roles of rolegate, for a database of its own. Run it once, as the owner of the tables (whoever runs
-- `rolegate migrate`), after that: psql -d roles -f roles.sql
--
-- Passwords are not set here: \password rolegate_control, \password rolegate_sidecar.

-- A control plane reads and writes rows, and changes no tables.
CREATE ROLE rolegate_control LOGIN;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rolegate_control;
REVOKE ALL ON _sqlx_migrations FROM rolegate_control;

-- A sidecar reads what decisions need. API keys are none of its business, and neither is who changed what.
CREATE ROLE rolegate_sidecar LOGIN;
ALTER ROLE rolegate_sidecar SET default_transaction_read_only = on;
GRANT SELECT ON store, users, roles, role_actions, groups, group_members, projects, project_permissions,
    gears, gear_projects, gear_users TO rolegate_sidecar;
GRANT SELECT (revision, stamp, subjects) ON changes TO rolegate_sidecar;
