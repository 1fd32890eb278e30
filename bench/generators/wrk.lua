-- Prints what wrk counted on one line, in integers: requests, microseconds, errors, latency quantiles in microseconds.
-- What stands after the URL is the body of a POST.
init = function(args)
  if args[1] then
    wrk.method = "POST"
    wrk.body = args[1]
  end
end

done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n",
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
