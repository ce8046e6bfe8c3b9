-- The 10 KiB POST of the echo scenario.
wrk.method = "POST"
wrk.body = string.rep("e", 10 * 1024)
wrk.headers["content-type"] = "application/octet-stream"
