//! Where programs are: ours beside this one, rivals in the search path or where this workspace was told to install them.

use std::env;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::frame::fault::Fault;

/// The folders that matter to a run.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// This program.
    pub(crate) own_program: PathBuf,
    /// `target/compare`: figures, rivals' programs in `tools`, and folders that are removed again.
    pub(crate) compare: PathBuf,
}

impl Places {
    /// From where this program lies, `target/release`.
    /// # Errors
    /// If that cannot be found out, or the folder cannot be made.
    pub(crate) fn find() -> Result<Self, Fault> {
        let fault = |error: io::Error| Fault::machine("cannot make target/compare", error);
        let own_program = env::current_exe().map_err(fault)?;
        let target = own_program.ancestors().nth(2).unwrap_or_else(|| Path::new("target"));
        let compare = target.join("compare");
        std::fs::create_dir_all(&compare).map_err(fault)?;
        Ok(Self { own_program, compare })
    }

    /// A program of ours, built beside this one.
    /// # Errors
    /// [`Fault::Absent`] with the command that builds it.
    pub(crate) fn ours(&self, name: &str) -> Result<PathBuf, Fault> {
        let path = self.own_program.with_file_name(name);
        if is_program(&path) {
            return Ok(path);
        }
        Err(Fault::Absent(format!("`{name}` is not built: cargo build --release -p levada-server")))
    }

    /// A rival's program, in `target/compare/tools/bin` or the search path.
    /// # Errors
    /// [`Fault::Absent`] with `cure`, which names what brings it.
    pub(crate) fn rival(&self, name: &str, cure: &str) -> Result<PathBuf, Fault> {
        let searched = env::var_os("PATH").unwrap_or_default();
        // Some systems keep servers where ordinary users do not search.
        let more = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
        let folders = [self.compare.join("tools/bin")].into_iter();
        let mut paths = folders.chain(env::split_paths(&searched)).chain(more);
        let found =
            paths.find_map(|folder| Some(folder.join(name)).filter(|path| is_program(path)));
        found.ok_or_else(|| Fault::Absent(format!("`{name}` is not installed: {cure}")))
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named_with_its_cure() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places {
            own_program: folder.path().join("release/this"),
            compare: folder.path().to_owned(),
        };
        let Err(Fault::Absent(said)) = places.rival("levada-no-such-rival", "brew some") else {
            panic!("nobody has that");
        };
        assert!(said.contains("levada-no-such-rival") && said.ends_with("brew some"));
        let Err(Fault::Absent(said)) = places.ours("levada") else { panic!("nothing is built") };
        assert!(said.contains("cargo build --release"));
    }
}
