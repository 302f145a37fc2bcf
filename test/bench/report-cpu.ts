// Loaded before the program of every process of the bench: tells its CPU time whenever the parent asks.
process.on("message", (question) => {
  if (question === "cpu") {
    process.send?.(process.cpuUsage());
  }
});
// The channel alone must not keep the process alive, and without the parent it has no work.
process.channel?.unref();
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
