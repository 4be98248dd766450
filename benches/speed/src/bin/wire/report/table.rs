//! The table for people.

use super::{Report, Row};

/// A load that never sleeps and has a processor to itself is kept from it by nobody.
const DISTURBED: f64 = 0.03;

/// What is shown of a row under load: its key, its heading, and how many decimals.
const COLUMNS: [(&str, &str, usize); 12] = [
    ("calls_per_second", "calls/s", 0),
    ("cpu_ns_per_call", "cpu ns/call", 0),
    ("cpu_ns_per_item", "cpu ns/item", 0),
    ("p50_us", "p50 us", 0),
    ("p99_us", "p99 us", 0),
    ("p999_us", "p99.9 us", 0),
    ("max_us", "max us", 0),
    ("server_busy", "busy", 2),
    ("server_kept_waiting", "kept", 2),
    ("load_kept_waiting", "load kept", 2),
    ("load_cpu_ns_per_call", "load ns", 0),
    ("rss_mib", "RSS MiB", 1),
];

pub(super) fn print(report: &Report) {
    let mut section = "";
    for row in &report.rows {
        if row.section != section {
            section = row.section;
            heading(row);
        }
        if row.values.contains_key("cpu_ns_per_call") { under_load(row) } else { plain(row) }
    }
    println!(
        "\nMedians over the rounds. spread: of cpu ns/call. busy: the server's share of a processor. kept, load kept: how \
         much of the time\nthe server's threads and the load were ready to run and did not. load ns: the load's own \
         processor time a call; it never sleeps,\nso that this is large when the server is slow."
    );
    disturbed(report);
}

fn disturbed(report: &Report) {
    let rows = report.rows.iter().filter_map(|row| row.values.get("load_kept_waiting"));
    let worst = rows.map(|stat| stat.median).fold(0.0, f64::max);
    if worst > DISTURBED {
        println!(
            "\nTHE MACHINE WAS BUSY: the load was kept from its processor for up to {:.0} % of the time. Figures of \
             processor time\nhold roughly, calls/s and latency do not.",
            worst * 100.0
        );
    }
}

fn heading(row: &Row) {
    println!("\n{}", row.section.to_uppercase());
    if row.values.contains_key("cpu_ns_per_call") {
        print!("{:<26} {:<22}", "server", "load");
        COLUMNS.iter().for_each(|(_, heading, _)| print!(" {heading:>11}"));
        println!(" {:>7}", "spread");
    }
}

fn under_load(row: &Row) {
    print!("{:<26} {:<22}", row.server, row.load);
    for (key, _, decimals) in COLUMNS {
        print!(" {:>11.decimals$}", row.values[key].median);
    }
    println!(" {:>6.0}%", row.values["cpu_ns_per_call"].spread());
}

fn plain(row: &Row) {
    print!("{:<26} {:<22}", row.server, row.load);
    row.values.iter().for_each(|(key, stat)| {
        print!("  {key} {:.1} ({:.1} to {:.1})", stat.median, stat.low, stat.high);
    });
    println!();
}
