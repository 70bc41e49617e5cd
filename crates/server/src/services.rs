//! The services are those that this program runs: folders over HTTP, memcached commands, or both.

use core::time::Duration;

use levada_process::Context;
use levada_store::Store;
use levada_web::Web;

/// Each, if it runs.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    pub(crate) web: Option<Web>,
    pub(crate) store: Option<Store>,
}

impl Services {
    /// Lets them finish what they have in hand until `grace` is over. How many connections are open then.
    pub(crate) async fn stop(&self, context: &Context, grace: Duration) -> u64 {
        let by = context.now().after(grace);
        // HTTP first: its connections are told that they end before the channels that both have bring nothing more.
        let mut open = 0;
        if let Some(web) = &self.web
            && !web.stop(context, grace).await
        {
            open += web.report().await.connections_open;
        }
        if let Some(store) = &self.store
            && !store.stop(context, by.since(context.now())).await
        {
            open += store.report().await.connections_open;
        }
        open
    }
}
