//! A threaded program to trace: threads that share a lock, a channel, files and sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

fn main() -> std::io::Result<()> {
    let count = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(4u64);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = thread::spawn(move || -> std::io::Result<u64> {
        let mut sum = 0;
        for stream in listener.incoming().take(count as usize) {
            let mut bytes = [0; 8];
            stream?.read_exact(&mut bytes)?;
            sum += u64::from_le_bytes(bytes);
        }
        Ok(sum)
    });
    let total = Arc::new(Mutex::new(0));
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = (0..count)
        .map(|number| {
            let (total, sender) = (Arc::clone(&total), sender.clone());
            thread::spawn(move || -> std::io::Result<()> {
                let name = format!("threads-{number}");
                std::fs::write(&name, vec![b'x'; 1000 * number as usize])?;
                let len = std::fs::read(&name)?.len() as u64;
                std::fs::remove_file(&name)?;
                for _ in 0..100 {
                    *total.lock().expect("nobody panics") += len;
                }
                TcpStream::connect(address)?.write_all(&len.to_le_bytes())?;
                sender.send(len).expect("the receiver is there");
                Ok(())
            })
        })
        .collect();
    drop(sender);
    let sent: u64 = receiver.iter().sum();
    for worker in workers {
        worker.join().expect("no worker panics")?;
    }
    let served = server.join().expect("the server does not panic")?;
    let total = *total.lock().expect("nobody panics");
    assert!(sent == served && total == 100 * sent, "{sent} {served} {total}");
    println!("{sent}");
    Ok(())
}
