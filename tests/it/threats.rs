//! What berth is attacked with and what it has to survive: every row of its list of attacks (A) and faults (F), with the tests that
//! make it happen or the part of berth that it waits for.
//!
//! The rows that wait stand here and nowhere else: whoever builds that part gives them their tests. It must never name a test that
//! there is not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use Row::{Tested, Waits};

/// What a row has.
enum Row {
    /// Tests, each called by the row's id.
    Tested(&'static [&'static str]),
    /// A part of berth that is not built yet.
    Waits(&'static str),
}

/// How many rows there are of each kind.
const KINDS: [(char, usize); 2] = [('a', 20), ('f', 24)];

/// The rows: id, what is done to berth, what it has.
const ROWS: &[(&str, &str, Row)] = &[
    ("a01", "a PID file holds root's, another account's or nobody's pid, or ten megabytes", Tested(&["a01_pid_file_lies"])),
    (
        "a02",
        "a pid is given again between the check and the signal",
        Tested(&["a02_pid_recycled", "a02_f11_a_pid_that_was_given_again_is_another_process"]),
    ),
    ("a03", "a PID file is a link", Tested(&["a03_pid_file_is_a_link"])),
    ("a04", "a part of a path is swapped while berth opens it", Tested(&["a04_path_swapped"])),
    ("a05", "a log is a second name of root's file", Tested(&["a05_hard_link_to_roots_file"])),
    ("a06", "names that are paths, options or lines", Tested(&["a06_names"])),
    ("a07", "text that a terminal would obey", Tested(&["a07_text"])),
    ("a08", "a process that calls itself something else", Tested(&["a08_process_names_lie"])),
    (
        "a09",
        "another account takes the port, or the same one beside it",
        Tested(&["a09_a_stranger_on_a_stopped_owners_port_is_named_and_never_started_over", "a09_the_same_port_beside"]),
    ),
    ("a10", "a user writes another port into the own configuration", Tested(&["a10_a_users_file_shows_drift_and_decides_nothing"])),
    (
        "a11",
        "a server that answers a probe with everything but an answer",
        Tested(&[
            "a11_hostile_servers_get_the_verdict_that_they_deserve",
            "a11_a_certificate_is_taken_at_first_sight_and_another_one_is_told_and_sent_no_key",
        ]),
    ),
    ("a12", "a log is a pipe, a device, a directory or a link", Tested(&["a12_log_is_no_file"])),
    ("a13", "a value that ends a line in another system's file", Waits("the writers of deployments")),
    (
        "a14",
        "secrets in arguments, records and output",
        Tested(&["a14_ten_owners_of_one_service_account_start_stop_and_show_their_own_log"]),
    ),
    ("a15", "what a server inherits", Tested(&["a15_a_server_inherits_nothing", "a15_started_from_a_terminal"])),
    ("a16", "an archive that writes outside of its place", Waits("the backup")),
    (
        "a17",
        "a user drives the daemon's socket",
        Tested(&[
            "a17_every_verb_and_everybody",
            "a17_who_may_what_over_the_real_socket",
            "a17_over_tcp_everybody_only_looks_and_as_oneself",
            "a17_who_takes_nothing_costs_nobody_else_anything",
            "a17_who_leaves_the_group_is_no_admin_any_more_on_what_stays_open",
            "a17_who_may_what_by_the_command_line",
            "a17_an_owners_console_at_roots_daemon",
        ]),
    ),
    ("a18", "a server's children leave its session and lose their keeper", Tested(&["a18_a19_f18_as_the_groups_of_this_machine_are"])),
    ("a19", "a server takes all memory", Tested(&["a18_a19_f18_as_the_groups_of_this_machine_are"])),
    ("a20", "a directory becomes a link while something in it is removed", Tested(&["a20_removed_while_swapped"])),
    (
        "f01",
        "berth is killed in the middle of an action",
        Tested(&[
            "f01_killed_while_starting",
            "f01_killed_while_stopping",
            "f01_killed_while_restarting",
            "f01_what_was_cut_off_is_put_down_as_that",
            "f01_kill_nine_at_every_step_leaves_before_or_after",
            "f01_kill_nine_while_the_first_one_is_made",
            "f01_kill_nine_while_damage_is_mended",
            "f01_killed_at_any_step_the_same_assign_completes",
            "f01_killed_at_any_step_an_assign_of_a_squatted_port_completes",
            "f01_killed_at_any_step_the_same_adopt_completes",
            "f01_an_assign_that_was_cut_off_is_said_at_the_next_start",
            "f01_what_has_no_result_is_told_until_the_next_one_puts_it_down",
        ]),
    ),
    ("f02", "the terminal hangs up", Tested(&["f02_a_terminal_that_hangs_up_ends_the_console"])),
    ("f03", "the console is suspended and goes on", Tested(&["f03_control_z_gives_the_terminal_to_the_shell_and_fg_comes_back"])),
    (
        "f04",
        "a panic, a signal, a key: every way out",
        Tested(&[
            "f04_every_way_out_gives_the_terminal_back",
            "f04_a_panic_in_any_thread_of_the_console_gives_the_terminal_back_and_is_told",
            "f04_a_panic_in_a_thread_of_a_command_is_told_and_counted",
            "f04_a_paste_of_ten_megabytes_is_a_line_of_input",
        ]),
    ),
    (
        "f05",
        "terminals of all sizes, one after the other",
        Tested(&["f05_no_size_makes_it_panic", "f05_every_size_is_drawn", "f05_a_storm_of_sizes"]),
    ),
    ("f06", "the disk is full", Tested(&["f06_no_space", "f06_a_full_disk_loses_nothing", "f06_a_full_disk_changes_nothing_and_says_so"])),
    (
        "f07",
        "files that end in the middle",
        Tested(&[
            "f07_corrupt",
            "f07_damage_at_any_page_loses_nothing",
            "f07_a_file_cut_off_anywhere_loses_nothing",
            "f07_what_was_not_written_by_berth_is_damage",
        ]),
    ),
    ("f08", "no more descriptors", Tested(&["f08_no_descriptors", "f08_what_could_not_be_found_is_no_end"])),
    (
        "f09",
        "rights are missing: hidepid, an ordinary user",
        Tested(&["f09_rights_missing", "f09_a_viewer_is_told_what_root_is_told_or_that_it_is_not_known"]),
    ),
    ("f10", "the clock is set by a year", Tested(&["f10_clock_a_year_off"])),
    (
        "f11",
        "a pid that was given again is taken for the old one",
        Tested(&["f11_records_of_other_processes", "a02_f11_a_pid_that_was_given_again_is_another_process"]),
    ),
    ("f12", "many start the same one", Tested(&["f12_of_many_who_start_one_wins_and_one_process_runs"])),
    (
        "f13",
        "a log grows faster than it can be shown",
        Tested(&["f13_a_storm_is_survived_in_little_memory_and_looking_stays_fast", "f13_a_flood_of_keys_is_taken_as_it_comes"]),
    ),
    ("f14", "a log of ten gigabytes", Tested(&["f14_ten_gigabytes_begin_at_once"])),
    (
        "f15",
        "lines without an end and characters in pieces",
        Tested(&["f15_a_megabyte_in_one_line_is_cut", "f15_the_chunks_do_not_matter"]),
    ),
    (
        "f16",
        "a log is renamed, copied and truncated, removed",
        Tested(&[
            "f16_renamed_every_ten_milliseconds",
            "f16_copied_and_truncated_every_ten_milliseconds",
            "f16_removed_and_emptied_every_ten_milliseconds",
        ]),
    ),
    ("f17", "a server that does not listen to SIGTERM", Tested(&["f17_sigterm_ignored", "f17_what_ignores_sigterm_is_killed"])),
    ("f18", "a server that forks without end", Tested(&["a18_a19_f18_as_the_groups_of_this_machine_are"])),
    // Of systemd, the container engines and PM2.
    (
        "f19",
        "a supervisor that hangs or ends in the middle",
        Tested(&[
            "f19_a_bus_that_takes_everything_and_answers_nothing_is_given_up_and_nothing_was_asked",
            "f19_no_bus_at_all_is_told_as_well",
            "f19_an_engine_that_takes_everything_and_answers_nothing_is_given_up_and_nothing_was_asked",
            "f19_rows_are_unknown_while_podman_hangs_and_nothing_happens_twice",
            "f19_rows_are_unknown_while_systemd_hangs_and_nothing_happens_twice_when_its_bus_dies",
            "f19_what_was_known_of_a_lost_daemon_stays_and_of_one_that_ended_what_still_runs",
            "f19_what_a_lost_daemon_said_is_old_and_what_the_kernel_shows_is_true",
            "f19_whatever_a_daemon_says_is_an_answer_or_a_reason",
            "f19_who_hears_everything_and_says_nothing_is_waited_for_no_longer_than_that",
            "f19_whoever_tells_without_end_is_not_listened_to_any_more",
            "f19_what_came_of_a_lost_answer_is_told_by_what_runs",
            "f19_rows_are_unknown_while_pm2_hangs_and_nothing_happens_twice_when_it_is_killed",
            "f19_who_does_not_answer_is_lost_and_hinders_nobody_and_who_ends_is_not_knocked_at",
        ]),
    ),
    (
        "f20",
        "berth itself is killed while servers run",
        Tested(&[
            "f20_berth_killed",
            "f20_instances_outlive_a_daemon_that_is_killed_ended_or_begun_anew",
            "f20_a_console_is_attached_acts_outlives_the_daemon_and_comes_back",
            "f20_killed_at_any_step_of_an_order_the_daemon_leaves_it_whole_and_the_next_one_tells_what_came_of_it",
            "f20_after_a_reboot_what_was_wished_up_runs_again",
            "f20_a_crash_is_mended_and_told_whatever_became_of_the_daemon",
            "f20_a_daemon_that_hangs_is_given_up_and_nothing_is_done_beside_it",
        ]),
    ),
    ("f21", "the kernel refuses its list of sockets", Tested(&["f21_where_sock_diag_is_refused_files_are_read_and_it_is_said"])),
    (
        "f22",
        "a user's tree lies on a mount that does not answer",
        Tested(&[
            "f22_dead_mount",
            "f22_dead_mount_that_a_keeper_waits_for",
            "f22_silent_mount_that_a_keeper_waits_for",
            "f22_who_answers_just_in_time_is_asked_seldom",
        ]),
    ),
    (
        "f23",
        "an account is deleted and its uid given again",
        Tested(&["f23_account_deleted", "f23_after_a_reboot_nothing_is_started_as_somebody_else"]),
    ),
    (
        "f24",
        "a half made instance",
        Tested(&["f24_killed_at_any_step_the_same_command_completes", "f24_killed_at_any_step_the_same_command_removes"]),
    ),
];

/// Every named function that is a test, in all sources.
fn tests() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = vec![root.join("src"), root.join("tests")];
    let mut found = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.extend(tests_of(&std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    found
}

/// The names that follow `#[test]`.
fn tests_of(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            is_test = true;
        } else if let Some(rest) = line.strip_prefix("fn ").filter(|_| is_test) {
            names.extend(rest.split_once('(').map(|(name, _)| name.to_owned()));
            is_test = false;
        } else if !line.starts_with('#') {
            is_test = false;
        }
    }
    names
}

#[test]
fn every_row_stands_here_once() {
    let told: Vec<&str> = ROWS.iter().map(|(id, ..)| *id).collect();
    let all: Vec<String> = KINDS.iter().flat_map(|(kind, count)| (1..=*count).map(move |number| format!("{kind}{number:02}"))).collect();
    assert_eq!(told, all);
    assert!(ROWS.iter().all(|(_, what, _)| !what.is_empty()));
}

#[test]
fn every_row_has_a_test_of_its_name_or_says_what_it_waits_for() {
    let tests = tests();
    for (id, what, row) in ROWS {
        match row {
            Tested(names) => {
                assert!(!names.is_empty(), "{id} ({what}) has no test");
                for name in *names {
                    assert!(name.split('_').any(|word| word == *id), "{name} is not called by its row {id}");
                    assert!(tests.contains(*name), "{id} ({what}) names {name}, and there is no such test");
                }
            }
            Waits(part) => {
                assert!(!part.is_empty(), "{id} ({what}) waits for nothing");
                let early: Vec<_> = tests.iter().filter(|name| name.starts_with(&format!("{id}_"))).collect();
                assert!(early.is_empty(), "{id} ({what}) waits for {part} and has {early:?}");
            }
        }
    }
}

#[test]
fn every_test_that_is_called_by_a_row_stands_in_it() {
    let is_id = |word: &str| ROWS.iter().any(|(id, ..)| *id == word);
    for name in tests() {
        for word in name.split('_').take_while(|word| is_id(word)) {
            let row = ROWS.iter().find(|(id, ..)| *id == word).map(|(.., row)| row);
            assert!(matches!(row, Some(Tested(names)) if names.contains(&name.as_str())), "{name} is not in the row {word}");
        }
    }
}
