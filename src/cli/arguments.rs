//! What the command line accepts: the program, its commands, and what several of them share.
//!
//! Come here for the words of `--help`. A command's own options stand in that command's file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

use super::audit::AuditArguments;
use super::backtest::BacktestArguments;
use super::backup::BackupArguments;
use super::calibrate::CalibrateArguments;
use super::changes::ChangesArguments;
use super::check::StoreArguments;
use super::completions::CompletionsArguments;
use super::demo::DemoArguments;
use super::export::ExportArguments;
use super::import::ImportArguments;
use super::job::JobArguments;
use super::key::KeyArguments;
use super::man::ManArguments;
use super::match_names::MatchArguments;
use super::review::ReviewArguments;
use super::screen::ScreenArguments;
use super::serve::ServeArguments;
use super::simulate::SimulateArguments;
use super::watch::WatchArguments;

/// Tells an exporter which of its orders for Kazakhstan went on to Russia, how much of each, and why.
#[derive(Parser, Debug)]
#[command(name = "onward", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "\
Start here:
  onward demo                                              a small world, followed from order to alert
  onward screen --orders o.csv --shipments s.csv --out d   your own files

Exit codes:
  0 done; 1 done with rejects and --strict; 64 wrong usage; 65 unreadable input; 70 a bug of ours; 74 I/O failed;
  130 stopped by Ctrl-C

Onward says \"suspected\", never \"guilty\": a person decides.")]
pub(super) struct Arguments {
    /// Show no progress and no notes, only results and failures
    #[arg(long, short, global = true)]
    pub(super) quiet: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(super) enum Command {
    /// Screen files of orders against files of movements
    #[command(after_help = "\
Examples:
  onward screen --orders orders.csv --shipments shipments.csv --companies companies.csv --out found
  onward screen --orders o.csv.gz --shipments kz.csv --shipments ru.jsonl --out found --format jsonl
  onward screen --orders o.csv --column-map ours.txt --shipments s.csv --out found --strict
  onward screen --state kept --orders o.csv --shipments s.csv --out found       keeps its end in a folder
  onward screen --state kept --shipments new.csv --out found                    goes on from there

Writes decisions, links, parties and rejects into the folder, and a summary to standard output.
With --state later runs need only what is new; they write everything, as one run over all files would.")]
    Screen(ScreenArguments),
    /// Run the service: orders and movements in, alerts out, over gRPC
    #[command(after_help = "\
Examples:
  onward serve --data onward.redb
  onward serve --config /etc/onward/onward.toml --check
  onward serve --data onward.redb --listen 0.0.0.0:50551 --principals principals.toml \\
      --tls-cert server.pem --tls-key server.key

A flag goes before the environment, the environment before the file, the file before the default.")]
    Serve(Box<ServeArguments>),
    /// Make API keys for the principals file
    #[command(after_help = "\
Examples:
  onward key new --hash-key hash.key --out erp.key --expires 2027-01-31

The key goes into a new file that only its owner can read. What is printed goes into the principals
file; it opens nothing. See docs/operating.md.")]
    Key(KeyArguments),
    /// Send files to a running service
    #[command(after_help = "\
Examples:
  onward import --companies companies.csv --shipments shipments.csv --orders orders.csv
  onward import --server http://127.0.0.1:50551 --tenant acme --orders orders.csv --rejects rejects.csv

Sending a file twice changes nothing.")]
    Import(ImportArguments),
    /// Follow the alerts of a running service
    #[command(after_help = "\
Examples:
  onward watch --tenant acme
  onward watch --tenant acme --cursor-file acme.cursor --format jsonl
  onward watch --until-idle                                all there are now, then stop
  onward watch --tenant acme --subscription desk           the service remembers how far you came

With a cursor file a watcher that comes back misses nothing and sees nothing twice.")]
    Watch(WatchArguments),
    /// Work on the alerts of a running service: look, decide, silence
    #[command(after_help = "\
Examples:
  onward review list --state open
  onward review show 17
  onward review decide 17 in-review --actor ana --assignee ben --comment 'asked the forwarder'
  onward review decide 17 dismissed --actor ben --reason other-supply --etag 4
  onward review suppress 17 --actor ana --until 2027-06-30 --reason 'licence 0815'
  onward review settings --four-eyes true

With --etag a decision counts only if the alert is still as it was seen.
An open service takes your word for who you are; one that knows its callers takes the name of the credential.")]
    Review(ReviewArguments),
    /// Tell how findings of a running service changed, and why
    #[command(after_help = "\
Examples:
  onward changes --since 2027-01-31                        everything that changed since that day
  onward changes A-1001 1                                  every finding on one order line, the oldest first

A finding is judged again by itself when a record comes that bears on it. See docs/how-to-read-a-finding.md.")]
    Changes(ChangesArguments),
    /// Screen many order lines by a running service: stored ones, or those of files
    #[command(after_help = "\
Examples:
  onward job start --first-day 2024-01-01 --last-day 2024-03-31
  onward job start --orders backlog.csv --request-id backlog-7
  onward job show 3
  onward job results 3 --out found
  onward job cancel 3

A job goes on by itself, also after the service was stopped. See docs/jobs.md.")]
    Job(JobArguments),
    /// Write the findings of a running service to files
    #[command(after_help = "\
Examples:
  onward export --tenant acme --out found
  onward export --tenant acme --out found --format jsonl")]
    Export(ExportArguments),
    /// Make a world of orders and movements, with its truth
    #[command(after_help = "\
Examples:
  onward simulate --out world
  onward simulate --out world --seed 7 --orders 20000 --shipments 100000 --profile harder")]
    Simulate(SimulateArguments),
    /// Score pairs of party names
    #[command(after_help = "\
Examples:
  onward match pairs.tsv > scored.tsv
  printf 'name_a\\tname_b\\nТОО «Пример»\\tPrimer LLP\\n' | onward match -

Rows come out in their order with two columns more: probability and evidence. A row that cannot be
scored keeps its place with both empty, and is named on standard error. Nothing is quoted.")]
    Match(MatchArguments),
    /// Compare findings with what is known to have happened
    #[command(after_help = "\
Examples:
  onward backtest --truth world --found found
  onward backtest --truth world --found found --svg curves.svg --alerts-per-day 20")]
    Backtest(BacktestArguments),
    /// Estimate the weights of the judgement from simulated worlds, and measure them on others
    #[command(after_help = "\
Examples:
  onward calibrate                                          measure the weights that the program has
  onward calibrate --out data/weights.tsv                   estimate them anew, then measure
  onward calibrate --verify                                 estimate them anew, compare, write nothing

The worlds that are measured are never those that were learnt from.")]
    Calibrate(CalibrateArguments),
    /// See it work: a small world, a service, a client, and the suspected orders with their trail
    #[command(after_help = "\
Examples:
  onward demo
  onward demo --seed 7 --keep folder")]
    Demo(DemoArguments),
    /// Copy a store as it is at one moment, while a service runs on it or while none does
    #[command(after_help = "\
Examples:
  onward backup --data onward.redb --out onward-2027-01-31.redb

Run it as the user whose file the store is. The copy is a store: to restore it, stop the service and put
the copy in the place of the store. See docs/reliability.md.")]
    Backup(BackupArguments),
    /// Say whether a store that nobody is using is what was written
    #[command(after_help = "\
Examples:
  onward check onward.redb

Nothing is changed. Exits with 65 when something is wrong, and says what and where, without names.")]
    Check(StoreArguments),
    /// Make the file of a store that nobody is using as small as it can be
    #[command(after_help = "\
Examples:
  onward compact onward.redb")]
    Compact(StoreArguments),
    /// Check or copy the trail of a store that nobody is using; export or check a finding of a running service
    #[command(after_help = "\
Examples:
  onward audit verify --data copy.redb
  onward audit export --data copy.redb --out trail.jsonl
  onward audit checkpoint                                  what to keep elsewhere, with the day
  onward audit verify --kept-tree 812:5f0c...              is what was kept still part of the trail?
  onward audit proof 812
  onward audit replay A-1001 1
  onward audit pack A-1001 1 --out A-1001-1.zip")]
    Audit(AuditArguments),
    /// Write a script that lets a shell complete commands and options
    #[command(after_help = "\
Examples:
  onward completions bash > /etc/bash_completion.d/onward
  onward completions zsh > ~/.zfunc/_onward")]
    Completions(CompletionsArguments),
    /// Write the manual page
    #[command(after_help = "\
Examples:
  onward man | man -l -
  onward man --out /usr/local/share/man/man1")]
    Man(ManArguments),
}

/// Which service, and as whom.
#[derive(Args, Debug)]
pub(super) struct ServerArguments {
    /// Address of the service
    #[arg(long, value_name = "URL", env = "ONWARD_SERVER", default_value = "http://127.0.0.1:50551")]
    pub(super) server: String,
    /// Whose orders; a service that asks for credentials takes it from them [otherwise: default]
    #[arg(long, value_name = "NAME", env = "ONWARD_TENANT")]
    pub(super) tenant: Option<String>,
    /// File with an API key or a token; the variable ONWARD_API_KEY may hold one instead
    #[arg(long, value_name = "FILE", env = "ONWARD_API_KEY_FILE", value_hint = ValueHint::FilePath)]
    pub(super) api_key_file: Option<PathBuf>,
    /// Authority behind the service's certificate (PEM); without it those of the system
    #[arg(long, value_name = "FILE", env = "ONWARD_TLS_CA", value_hint = ValueHint::FilePath)]
    pub(super) tls_ca: Option<PathBuf>,
    /// Certificate to show to the service (PEM)
    #[arg(long, value_name = "FILE", env = "ONWARD_CLIENT_CERT", requires = "client_key")]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) client_cert: Option<PathBuf>,
    /// Its key (PEM)
    #[arg(long, value_name = "FILE", env = "ONWARD_CLIENT_KEY", requires = "client_cert")]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(super) client_key: Option<PathBuf>,
}

/// Files of records. Each may be CSV or JSON Lines, plain, gzip or zstd; several of a kind are read one after another.
#[derive(Args, Debug)]
pub(super) struct RecordFiles {
    /// Order lines
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) orders: Vec<PathBuf>,
    /// Shipment lines: arrivals, transfers, onward shipments
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) shipments: Vec<PathBuf>,
    /// Rows of a company register
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) companies: Vec<PathBuf>,
    /// Lines `their name=our name` that rename columns
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) column_map: Option<PathBuf>,
    /// Exit with 1 when a row was refused
    #[arg(long)]
    pub(super) strict: bool,
}

impl Command {
    /// Whether refused rows are to show in the exit code.
    pub(super) fn is_strict(&self) -> bool {
        match self {
            Self::Screen(arguments) => arguments.files.strict,
            Self::Import(arguments) => arguments.files.strict,
            Self::Match(arguments) => arguments.strict,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_hold_together_and_every_command_shows_an_example() {
        let command = Arguments::command();
        command.clone().debug_assert();
        for child in command.get_subcommands() {
            let name = child.get_name();
            assert!(child.get_about().is_some(), "{name} has no sentence");
            let help = child.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("onward {name}")), "{name} shows no example");
            for argument in child.get_arguments() {
                assert!(argument.get_help().is_some(), "{name} {} has no sentence", argument.get_id());
            }
        }
    }
}
