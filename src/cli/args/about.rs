//! The words of what is about berth itself: its configuration, its words in a shell, its manual, its demonstration.
//!
//! It must never do anything: it reads words and refuses what is none.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `berth config`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Config {
    /// Print the console's keys instead, as a configuration would say them
    #[arg(long)]
    pub keys: bool,
    /// What to do instead of printing.
    #[command(subcommand)]
    pub command: Option<ConfigCommand>,
}

/// What can be done with a configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Write a configuration to begin with, made for what is found on this host; replaces none
    Init(Init),
}

/// `berth config init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Print it instead
    #[arg(long)]
    pub stdout: bool,
}

/// `berth completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// A shell that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    // No doc comments here: they would make the help of every subcommand a page long.
    Bash,
    Zsh,
    Fish,
    Elvish,
    Powershell,
}

/// `berth man`.
#[derive(Debug, Args)]
pub struct Man {
    /// The page of one command: `start`, `logs`
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
    /// Write every page into this directory instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub out: Option<PathBuf>,
}

/// `berth demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Print the path of the fleet's configuration and stay, without the console, until told to end
    #[arg(long)]
    pub headless: bool,
}
