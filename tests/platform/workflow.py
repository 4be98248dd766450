"""The documented work with custom roles, by the platform's own client, and what decisions make of each step.

Run by main.rs, with the client's own Python: every step is followed by a check over gRPC on the same server.
"""

import json
import os
import subprocess
import sys

import flywheel

HOST = os.environ["HTTP_HOST"]
KEY = os.environ["API_KEY"]
FIRST_ADMIN = os.environ["FIRST_ADMIN"]
REQUIRED = json.loads(os.environ["REQUIRED"])
USER = "o'neil+test@example.org"

fw = flywheel.Client(f"{HOST}:__force_insecure:{KEY}")


def may(user, action, project):
    """Asks the authorization service, as an application would."""
    command = [os.environ["ROLEGATE"], "check", "--server", os.environ["GRPC"], "--user", user]
    done = subprocess.run(command + ["--project", project, "--action", action], capture_output=True)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 0


def refused(status, call, *words):
    """The call is refused with this status, and the reason is told."""
    try:
        answer = call()
    except flywheel.ApiException as error:
        assert error.status == status, (status, error.status, error.reason, error.body)
        told = json.loads(error.body)["message"]
        assert all(word in told for word in words), (words, told)
        return
    raise AssertionError(f"not refused: {answer}")


# A group, a project, a user.
assert fw.add_group({"_id": "neuro", "label": "Neuro"}) == "neuro"
assert fw.add_user({"_id": USER, "firstname": "O", "lastname": "N", "email": USER}) == USER
fw.add_project({"label": "Memory, study", "group": "neuro"})
project = fw.lookup(["neuro", "Memory, study"])
assert type(project).__name__ == "ProjectOutput", type(project)
pid = project.id
assert fw.resolve("neuro").children[0].id == pid
assert [p.id for p in fw.projects.find('label="Memory\\, study"')] == [pid]

# A custom role: made, offered, given.
role = fw.add_role({"label": "curator", "actions": REQUIRED + ["files_modify_metadata"]})
assert role.label == "curator" and set(role.actions) == set(REQUIRED + ["files_modify_metadata"])
refused(422, lambda: fw.add_project_permission(pid, {"_id": USER, "role_ids": [role.id]}), "not offered")
fw.add_role_to_group("neuro", {"_id": role.id})
fw.add_role_to_group("neuro", role.id)
assert not may(USER, "files_modify_metadata", pid)
fw.add_project_permission(pid, {"_id": USER, "role_ids": [role.id]})
assert may(USER, "files_modify_metadata", pid)
assert not may(USER, "files_download", pid)
refused(409, lambda: fw.add_project_permission(pid, {"_id": USER, "role_ids": [role.id]}), "exists")

# A second role, offered by its bare id, appended to the user's.
second = fw.add_role({"label": "reader", "actions": REQUIRED + ["files_download"]})
fw.add_role_to_group("neuro", second.id)
permission = fw.get_project_user_permission(pid, USER)
permission["role_ids"].append(second.id)
fw.modify_project_user_permission(pid, USER, permission)
assert may(USER, "files_download", pid) and may(USER, "files_modify_metadata", pid)
permission = fw.get_project_user_permission(pid, USER)
assert set(permission["role_ids"]) == {role.id, second.id}

# What there is.
labels = {r.label for r in fw.get_all_roles()}
assert {"admin", "rw", "ro", "curator", "reader"} <= labels, labels
assert {r.id for r in fw.get_all_group_roles("neuro")} == {role.id, second.id}
assert fw.get_group_role("neuro", role.id).label == "curator"
assert fw.get_role("rw").default_flywheel_role == "rw"
assert [u.id for u in fw.users.find()] == sorted([FIRST_ADMIN, USER, "user@example.org"])
assert [u.id for u in fw.users.find(f"_id={USER}")] == [USER]
group = fw.get_group("neuro")
assert set(group.roles) == {role.id, second.id}, group.roles

# A role changes for all who hold it. Without actions, they stay.
fw.modify_role(second.id, {"label": "viewer"})
assert fw.get_role(second.id).label == "viewer" and may(USER, "files_download", pid)
fw.modify_role(second.id, {"actions": REQUIRED})
assert not may(USER, "files_download", pid)
# Older names stand for current ones.
fw.modify_role(second.id, {"actions": REQUIRED + ["files_create_upload", "jobs_run_cancel"]})
assert may(USER, "files_create_single", pid) and may(USER, "jobs_manage", pid)
assert not may(USER, "jobs_manage_others", pid)

# Group roles and templates.
fw.add_group_permission("neuro", {"_id": USER, "access": "ro"})
refused(409, lambda: fw.add_group_permission("neuro", {"_id": USER, "access": "ro"}), "exists")
fw.modify_group_user_permission("neuro", USER, {"access": "admin"})
access = fw.get_group_user_permission("neuro", USER)
assert access.access in ("admin", getattr(access.access, "ADMIN", None)), access
fw.delete_group_user_permission("neuro", USER)
refused(404, lambda: fw.get_group_user_permission("neuro", USER), "member")
other = fw.add_project({"label": "Other", "group": "neuro"})
entry = {"_id": USER, "role_ids": ["ro"]}
fw.add_group_permission_template("neuro", entry)
assert not may(USER, "files_download", other)
fw.modify_group_user_permission_template("neuro", USER, {"role_ids": ["ro"]}, propagate=True)
assert may(USER, "files_download", other)
assert fw.get_group_user_permission_template("neuro", USER).role_ids == ["ro"]
inherited = fw.add_project({"label": "Third", "group": "neuro"}, inherit=True)
assert may(USER, "files_download", inherited)
fw.delete_group_user_permission_template("neuro", USER, propagate=True)
assert not may(USER, "files_download", other)
for project_id in (other, inherited):
    fw.delete_project(project_id)
    refused(404, lambda: fw.get_project(project_id), "no project")
fw.add_project_permission(pid, {"_id": USER, "role_ids": [role.id, second.id]})

# Refusals, each with its reason.
refused(409, lambda: fw.delete_role(role.id), "curator", USER)
refused(409, lambda: fw.remove_role_from_group("neuro", role.id), "curator", USER)
refused(422, lambda: fw.add_role({"label": "x", "actions": REQUIRED[1:]}), REQUIRED[0])
refused(422, lambda: fw.add_role({"label": "x", "actions": REQUIRED + ["fly"]}), "fly")
refused(422, lambda: fw.add_role({"label": "", "actions": REQUIRED}), "label")
refused(409, lambda: fw.add_role({"label": "curator", "actions": REQUIRED}), "taken")
refused(403, lambda: fw.delete_role("admin"), "built in")
refused(403, lambda: fw.modify_role("rw", {"label": "mine"}), "built in")
refused(403, lambda: fw.remove_role_from_group("neuro", "ro"), "built in")
refused(409, lambda: fw.add_group({"_id": "neuro", "label": "again"}), "exists")
refused(409, lambda: fw.delete_group("neuro"), "Memory, study")
refused(422, lambda: fw.add_user({"_id": "a@b", "firstname": "", "lastname": "", "roles": ["king"]}), "site_admin")
refused(422, lambda: fw.add_group_permission("neuro", {"_id": USER, "access": "king"}), "king")
for unknown in (
    lambda: fw.get_role("nope"),
    lambda: fw.delete_role("nope"),
    lambda: fw.get_group("nope"),
    lambda: fw.get_project("nope"),
    lambda: fw.get_user("nope"),
    lambda: fw.lookup("neuro/nope"),
    lambda: fw.get_project_user_permission(pid, "nope"),
    lambda: fw.add_role_to_group("neuro", "nope"),
    lambda: fw.add_role_to_group("nope", role.id),
    lambda: fw.add_project_permission(pid, {"_id": "nope", "role_ids": ["ro"]}),
    lambda: fw.modify_project_user_permission(pid, FIRST_ADMIN + "x", {"role_ids": ["ro"]}),
):
    refused(404, unknown, "no ")

# Site roles come as a list, of which the strongest counts; one's own keys can be told apart and revoked.
fw.modify_user(USER, {"roles": ["user", "developer"]})
assert fw.get_user(USER).roles in (["developer"], [getattr(flywheel, "RoleType", None) and "developer"]), fw.get_user(USER)
made = fw.generate_user_key({"label": "short-lived"})
short = flywheel.Client(f"{HOST}:__force_insecure:{made.unencrypted_secret}")
assert short.get_current_user().id == FIRST_ADMIN
fw.delete_user_key(made.key)
refused(401, lambda: short.get_current_user(), "key")

# Whoever makes a project stays on it as admin.
own = fw.add_project({"label": "Own", "group": "neuro", "permissions": [
    {"_id": FIRST_ADMIN, "role_ids": ["ro"]}, {"_id": USER, "role_ids": ["ro"]}]})
assert set(fw.get_project_user_permission(own, FIRST_ADMIN).role_ids) == {"admin", "ro"}
fw.delete_project(own)

# Someone who is no admin may do little, and learns as much.
SECRET = os.environ["USERS_KEY"]
mine = flywheel.Client(f"{HOST}:__force_insecure:{SECRET}")
assert mine.get_current_user().id == "user@example.org"
refused(403, lambda: mine.add_role({"label": "x", "actions": REQUIRED}), "site admin")
refused(403, lambda: mine.get_project(pid), "site admin")
refused(403, lambda: mine.get_all_users(), "site admin")
assert [p.id for p in mine.projects.find()] == [] and mine.get_all_groups() == []
try:
    flywheel.Client(f"{HOST}:__force_insecure:wrong").get_current_user()
    raise AssertionError("a wrong key is taken")
except flywheel.ApiException as error:
    assert error.status == 401, error

# The way back.
assert may(USER, "files_modify_metadata", pid)
fw.delete_project_user_permission(pid, USER)
assert not may(USER, "files_modify_metadata", pid)
for gone in (role.id, second.id):
    fw.remove_role_from_group("neuro", gone)
    fw.delete_role(gone)
    refused(404, lambda: fw.get_role(gone), "no role")
fw.modify_user(USER, {"disabled": True})
assert fw.get_user(USER).disabled
fw.delete_user(USER)
fw.delete_project(pid)
fw.delete_group("neuro")
assert fw.get_all_groups() == []
print("the whole workflow,", sys.argv[1])
