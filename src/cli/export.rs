//! `onward export`: the findings of a running service as the same files that `screen` writes.
//!
//! Come here for paging through a service. The files' form is `output`.

use std::path::PathBuf;

use clap::ValueHint;

use super::arguments::ServerArguments;
use super::calls;
use super::exit::{Failure, Outcome};
use super::output::{FindingRows, FindingSheets, Format};
use super::progress::Progress;
use crate::model::Level;

/// From which service, where to.
#[derive(clap::Args, Debug)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    pub(super) server: ServerArguments,
    /// Folder for decisions and links; made when missing
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(super) out: PathBuf,
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
}

/// Waits until everything sent before is judged, then writes what was found.
pub(super) fn run(arguments: &ExportArguments, progress: &Progress) -> Result<Outcome, Failure> {
    std::fs::create_dir_all(&arguments.out).map_err(Failure::io("making", &arguments.out))?;
    let writing = calls::runtime()?.block_on(calls::unless_interrupted("exporting", write(arguments, progress)));
    writing.map(|()| Outcome::Done)
}

async fn write(arguments: &ExportArguments, progress: &Progress) -> Result<(), Failure> {
    let failed = |error| calls::failed(&arguments.server.server, error);
    let writing = |error| Failure::io("writing into", &arguments.out)(error);
    let client = calls::connect(&arguments.server).await?;
    client.wait_until_screened().await.map_err(failed)?;
    let mut sheets = FindingSheets::create(&arguments.out, arguments.format).map_err(writing)?;
    let (mut page_token, mut count) = (String::new(), 0);
    loop {
        let page = client.findings(Level::None, 0, page_token).await.map_err(failed)?;
        let add = |finding| sheets.add(&FindingRows::of(finding, arguments.format)?);
        page.findings.iter().try_for_each(add).map_err(writing)?;
        count += page.findings.len() as u64;
        progress.at("findings", count, 0);
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    progress.finish();
    sheets.publish().map_err(writing)
}
