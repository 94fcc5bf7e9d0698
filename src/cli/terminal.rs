//! The terminal program: on the running service, or with one of its own.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::{
    Global, Terminal,
    attach::{Attached, attach},
    exit::{CommandError, Exit},
    start::{self, LogTo},
};
use crate::{
    service::Mode,
    tui::{self, Settings, TuiError, model::Options, theme::ColourDepth},
};

/// `meterdeck`: the terminal program on the site of the site file.
pub fn run(global: &Global, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let log = start::log(&global.log, LogTo::Ring, global.color)?;
    start::runtime()?.block_on(async {
        let attached = attach(global, log, Mode::Continuous).await?;
        show(attached, settings(global, terminal)).await
    })
}

/// Shows a site until somebody quits.
pub async fn show(attached: Attached, settings: Settings) -> Result<ExitCode, CommandError> {
    let Attached { client, own } = attached;
    let shown = tui::run(client, settings, CancellationToken::new()).await;
    own.end().await;
    match shown {
        // Whoever closed the terminal wanted it to end.
        Ok(()) | Err(TuiError::Vanished) => Ok(Exit::Done.into()),
        Err(error) => Err(error.into()),
    }
}

/// What the command line says about the terminal.
pub fn settings(global: &Global, terminal: &Terminal) -> Settings {
    let mut options = Options { read_only: terminal.read_only, ascii: terminal.ascii, ..Options::default() };
    if let Some(theme) = &terminal.theme {
        options.theme.clone_from(theme);
    }
    let mut settings = Settings::from_environment(options);
    match global.color {
        super::Colour::Auto => {}
        super::Colour::Always => settings.options.colour = ColourDepth::default(),
        super::Colour::Never => settings.options.colour = ColourDepth::None,
    }
    settings
}

impl From<TuiError> for CommandError {
    fn from(error: TuiError) -> Self {
        let exit = match &error {
            TuiError::Keymap { .. } | TuiError::KeymapFile { .. } => Exit::Configuration,
            TuiError::Theme(_) => Exit::Usage,
            TuiError::Panicked => Exit::Internal,
            TuiError::Service(_) => Exit::Unavailable,
            _ => Exit::Failed,
        };
        let hint =
            matches!(error, TuiError::NoTerminal).then(|| "Without a terminal, use `meterdeck poll`.".to_owned());
        Self { exit, message: format!("{error}."), hint }
    }
}
