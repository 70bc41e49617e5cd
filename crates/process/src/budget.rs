//! A budget is the account that a process, and those that it spawns, are charged to where that is not the account of their core.
//!
//! A process has a pointer to it, null if its core's account is its own. A budget that was given to a process for its own closes
//! when the last process under it ends: what is still charged then is the quarantine.

use levada_shared::Account;
use std::sync::Arc;

/// An account that some processes have in common.
#[derive(Debug)]
pub(crate) struct Budget {
    account: Account,
    closes: bool,
}

impl Budget {
    #[inline]
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// A process under it has ended; how much is still charged, if the account closes with that.
    pub(crate) fn leave(self: Arc<Self>) -> u64 {
        let last = Arc::into_inner(self).filter(|budget| budget.closes);
        last.map_or(0, |budget| budget.account.clone().close())
    }
}

impl Drop for Budget {
    /// Closes it also where the last who had it was no process: a spawn on its way to a core that stopped.
    fn drop(&mut self) {
        if self.closes {
            self.account.clone().close();
        }
    }
}

/// Whom a new process is charged to.
#[derive(Debug)]
pub(crate) enum ChargedTo {
    /// The account of its core.
    Core,
    /// Who its spawner is charged to.
    Under(Arc<Budget>),
    /// An account of its own.
    Own(Account),
    /// An account that somebody else closes.
    Other(Account),
}

impl ChargedTo {
    /// The budget of a process that came to be.
    pub(crate) fn into_budget(self) -> Option<Arc<Budget>> {
        match self {
            Self::Core => None,
            Self::Under(budget) => Some(budget),
            Self::Own(account) => Some(Arc::new(Budget { account, closes: true })),
            Self::Other(account) => Some(Arc::new(Budget { account, closes: false })),
        }
    }
}
