//! Pages: what the admin's listener answers, and what the access log writes.

use std::io::{Read, Write};

use crate::rig::{connect, get, serve};

#[test]
fn metrics_health_and_status_are_for_the_admin_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "a file").unwrap();
    let served = serve(folder.path(), &["--admin", "127.0.0.1:0"]);
    let admin = served.admin.expect("it said where");
    for _ in 0..3 {
        assert!(served.get("/a").ends_with("a file"));
    }
    assert!(served.get("/nothing").starts_with("HTTP/1.1 404 "));
    assert!(served.get("/metrics").starts_with("HTTP/1.1 404 "));
    assert!(get(admin, "/healthz").ends_with("\r\n\r\nok\n"));
    let metrics = get(admin, "/metrics");
    for line in [
        "Content-Type: text/plain; version=0.0.4; charset=utf-8\r",
        "levada_requests_total 5",
        "levada_replies_total{class=\"2xx\"} 3",
        "levada_replies_total{class=\"4xx\"} 2",
        "levada_kept_entries 1",
        "# TYPE levada_heap_used_bytes gauge",
        "levada_core_processes{core=\"0\"}",
        "levada_hot_bytes 0",
        "# TYPE levada_heap_soft_bytes gauge",
        "levada_heap_steals_total{for=\"allocation\"} 0",
        "levada_heap_copied_bytes_total{by=\"compact_if\"} 0",
        "levada_account_peak_bytes{account=\"files\"}",
        "levada_account_refused_total{account=\"replies\"} 0",
    ] {
        assert!(
            metrics.contains(&format!("{line}\n")) || metrics.contains(line),
            "{line}: {metrics}"
        );
    }
    let status = get(admin, "/status");
    let (_, body) = status.split_once("\r\n\r\n").unwrap();
    let status: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(status["requests"]["answered"], 5);
    assert_eq!(status["caches"]["storage"]["entries"], 1);
    assert_eq!(status["caches"]["storage"]["hot_bytes"], 0);
    let heap = &status["heap"];
    assert!(
        heap["soft_bytes"].as_u64() > Some(0) && heap["soft_ceiling_bytes"].is_null(),
        "{heap}"
    );
    assert_eq!(heap["steals"]["for_pressure"], 0);
    let most = &status["top_retainers"][0];
    assert!(most["account"].as_str().is_some_and(|name| name.starts_with("core ")), "{most}");
    assert!(most["pinned_bytes"].as_u64() > Some(0) && most["oldest_s"].is_u64(), "{most}");
    assert_eq!(status["quarantine"].as_array().map(Vec::is_empty), Some(true));
    let files = status["accounts"].as_array().unwrap().iter().find(|row| row["name"] == "files");
    assert_eq!(
        files.map(|row| (&row["refused"], &row["is_closed"])),
        Some((&0.into(), &false.into()))
    );
    let names = &status["cores"][0]["processes"];
    assert!(names.as_array().unwrap().iter().any(|process| process["name"] == "storage"));
    assert!(get(admin, "/else").starts_with("HTTP/1.1 404 "));
    let mut stream = connect(admin);
    stream.write_all(b"POST /status HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 405 ") && reply.contains("Allow: GET"), "{reply}");
    assert_eq!(served.stop().code, Some(0));
}

#[test]
fn a_request_of_a_trace_is_told_under_its_trace_id() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "a file").unwrap();
    let served = serve(folder.path(), &["--log", "json"]);
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let sampled = format!("traceparent: 00-{id}-00f067aa0ba902b7-01\r\n");
    let unsampled = format!("traceparent: 00-{id}-00f067aa0ba902b7-00\r\n");
    let malformed = format!("traceparent: 00-{id}-00f067aa0ba902b-01\r\n");
    let (twice, none) = (sampled.repeat(2), String::new());
    for fields in [&sampled, &unsampled, &malformed, &twice, &none] {
        let mut stream = served.connect();
        write!(stream, "GET /a HTTP/1.1\r\nHost: a\r\n{fields}Connection: close\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
    }
    let left = served.stop();
    let lines: Vec<serde_json::Value> =
        left.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = lines.iter().map(|line| {
        let parent = line["traceparent"].as_str().unwrap().to_owned();
        (line["cause"].as_str().unwrap().to_owned(), parent)
    });
    let told: Vec<(String, String)> = told.collect();
    for ((cause, parent), flags) in told.iter().zip(["01", "00"]) {
        assert_eq!(cause, id);
        assert!(parent.starts_with(&format!("00-{id}-")) && parent.ends_with(flags), "{parent}");
        assert!(!parent.contains("00f067aa0ba902b7"), "it is our step, not theirs: {parent}");
    }
    let others = &told[2..];
    assert_eq!(others.len(), 3);
    for (cause, parent) in others {
        assert!(cause != id && parent.starts_with(&format!("00-{cause}-")), "{cause} {parent}");
    }
}

#[test]
fn each_request_is_a_line_of_the_log_in_the_form_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), "a file").unwrap();
    for form in ["common", "combined", "json"] {
        let served = serve(folder.path(), &["--log", form]);
        let mut stream = served.connect();
        let agent = "User-Agent: te\"st\r\nConnection: close";
        write!(stream, "GET /a?\" HTTP/1.1\r\nHost: a.example\r\n{agent}\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        let mut stream = served.connect();
        stream.write_all(b"nonsense\r\n\r\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        let left = served.stop();
        let lines: Vec<&str> = left.out.lines().collect();
        assert_eq!(lines.len(), 2, "{form}: {}", left.out);
        assert!(left.err.contains("INFO levada::retention: held at the end: "), "{}", left.err);
        assert!(left.err.contains("left_bytes=0") && left.err.lines().count() == 1, "{}", left.err);
        match form {
            "json" => {
                let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
                assert_eq!(line["request"], "GET /a?\" HTTP/1.1");
                assert_eq!((&line["status"], &line["bytes"]), (&200.into(), &6.into()));
                assert_eq!(line["host"], "a.example");
                assert_eq!(line["cause"].as_str().map(str::len), Some(32));
            }
            "common" => {
                assert!(lines[0].starts_with("127.0.0.1 - - ["), "{}", lines[0]);
                assert!(lines[0].ends_with(r#""GET /a?\" HTTP/1.1" 200 6"#), "{}", lines[0]);
                assert!(lines[1].contains(r#" "nonsense" 400 1"#), "{}", lines[1]);
            }
            _ => assert!(lines[0].ends_with(r#" 200 6 "-" "te\"st""#), "{}", lines[0]),
        }
    }
}
