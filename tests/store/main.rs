//! The store contract, and the embedded store's own promises.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests"
)]

mod audit;
mod crash;
mod keys;
mod opening;
mod races;
mod revisions;
mod rules;
#[allow(dead_code, reason = "shared with the engine's tests, which use the rest")]
mod support;

/// Runs every test of the contract on a new store of a backend.
macro_rules! contract {
    ($backend:ident, $fresh:ident) => {
        contract! { $backend, $fresh, store:
            audit::an_id_finds_what_names_it_to_the_byte_and_no_words,
            rules::a_custom_roles_faults_are_named_all_at_once,
                rules::built_in_roles_stay_as_they_are_and_need_no_offer,
                rules::a_custom_role_is_assigned_only_where_it_is_offered,
                rules::a_role_in_use_is_neither_deleted_nor_withdrawn_and_it_says_where,
                rules::replacing_a_list_of_roles_is_all_or_nothing,
                rules::the_last_enabled_site_admin_stays,
                rules::whoever_goes_takes_everything_along,
                rules::templates_are_inherited_and_propagated_all_or_none,
                rules::a_disabled_users_roles_stay_and_count,
                rules::whoever_lacks_the_right_learns_nothing,
                rules::rights_are_enough_where_they_are_held,
                revisions::a_writer_may_expect_exactly_the_revision_of_the_edits_object,
                revisions::what_changes_nothing_advances_nothing,
                revisions::a_change_names_everything_that_it_touches,
                revisions::history_is_kept_for_so_many_revisions,
                revisions::pages_come_in_the_order_of_bytes,
                keys::only_the_whole_key_of_an_enabled_user_is_taken,
                keys::a_key_that_has_expired_is_refused_and_cannot_be_made,
                keys::a_key_is_checked_again_inside_the_write,
        }
    };
    ($backend:ident, $fresh:ident, store: $($module:ident::$test:ident,)*) => {
        mod $backend {
            $(#[tokio::test]
            async fn $test() {
                crate::$module::$test(&*crate::support::$fresh().await.store).await;
            })*
        }
    };
}

/// Runs every race on a new store of a backend.
macro_rules! races {
    ($backend:ident, $fresh:ident: $($test:ident,)*) => {
        mod $backend {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                crate::races::$test(crate::support::$fresh().await).await;
            })*
        }
    };
    ($backend:ident, $fresh:ident) => {
        races! { $backend, $fresh:
            two_admins_who_demote_each_other_leave_one,
            a_role_is_never_assigned_where_it_is_not_offered,
            a_project_is_never_made_in_a_group_that_goes,
            writers_who_hang_up_leave_the_store_whole_and_writable,
        }
    };
}

contract!(sqlite, fresh_file);
contract!(postgres, fresh_database);
races!(sqlite_races, fresh_file);
races!(postgres_races, fresh_database);
