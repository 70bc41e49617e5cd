//! Echoing: what is received is sent back, block by block, and arrives whole at whoever sent it.

use levada_channel::TcpStream;
use levada_sim::Step;

use crate::stage::{Scene, Task, all};

async fn echo(stream: TcpStream) {
    while let Ok(Some(block)) = stream.recv().await {
        let mut data = block.freeze();
        loop {
            match stream.send(data) {
                Ok(_) => break,
                Err(refused) => data = refused.value,
            }
            if stream.room().await.is_err() {
                return;
            }
        }
    }
    stream.close().await;
}

#[test]
fn what_a_peer_sends_comes_back_to_it_whole() {
    Scene::default().play(|stage, dice| {
        let port = stage.listen(dice.one_in(2));
        let count = dice.between(1, 4);
        for _ in 0..count {
            let mut script = Vec::new();
            for _ in 0..dice.between(1, 4) {
                // What is on its way and in the queue has room for all of it: a peer that only writes would wait for ever.
                let bytes = dice.length(1, 60_000);
                script.push(Step::Write(dice.bytes(bytes)));
                script.push(Step::Read(bytes));
            }
            script.extend([Step::ShutdownWrite, Step::ReadToEnd]);
            stage.peer(&port, script);
        }
        stage.run(async {
            let mut tasks: Vec<Task<'_>> = Vec::new();
            for _ in 0..count {
                let (stream, _) = port.listener.accept().await.expect("a connection");
                tasks.push(Box::pin(echo(stream)));
            }
            all(tasks).await;
        });
    });
}
