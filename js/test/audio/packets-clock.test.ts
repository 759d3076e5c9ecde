import { describe, expect, it } from "vitest";
import { ClockMap, Lease } from "../../src/audio/packets.ts";

describe("ClockMap", () => {
  it("takes the promptest message for the truth", () => {
    const clock = new ClockMap();
    expect(clock.toPageClock(0, 1030)).toBe(1030);
    expect(clock.toPageClock(20, 1022)).toBe(1022);
    expect(clock.toPageClock(40, 1300)).toBe(1042);
  });

  it("follows after the page has slept, when one clock stood still", () => {
    const clock = new ClockMap(5000);
    clock.toPageClock(0, 100);
    clock.toPageClock(20, 60_120);
    expect(clock.toPageClock(4900, 65_000)).toBeLessThan(60_000);
    expect(clock.toPageClock(5100, 65_200)).toBe(65_200);
  });

  it("forgets when the stream begins anew", () => {
    const clock = new ClockMap();
    clock.toPageClock(90_000, 90_500);
    clock.reset();
    expect(clock.toPageClock(0, 95_000)).toBe(95_000);
  });
});

describe("Lease", () => {
  const run = (lease: Lease, from: number, to: number) => {
    for (let now = from; now <= to; now += 250) {
      if (!lease.isValid(now)) {
        return now;
      }
    }
    return null;
  };

  it("ends five seconds after the last word", () => {
    const lease = new Lease(0);
    lease.renew(1000);
    expect(run(lease, 1000, 20_000)).toBe(6000);
  });

  it("goes on while the kernel speaks", () => {
    const lease = new Lease(0);
    for (let now = 0; now < 60_000; now += 500) {
      lease.renew(now);
      expect(lease.isValid(now)).toBe(true);
    }
  });

  it("waits longer for the first word", () => {
    expect(run(new Lease(0), 0, 30_000)).toBe(15_000);
  });

  it("does not blame the kernel for a page that slept, and not for long", () => {
    const lease = new Lease(0);
    lease.renew(0);
    expect(lease.isValid(100)).toBe(true);
    expect(lease.isValid(60_000)).toBe(true);
    expect(run(lease, 60_250, 70_000)).toBe(61_500);
  });

  it("ends soon when the connection is reported lost", () => {
    const lease = new Lease(0);
    lease.renew(0);
    lease.suspect(100);
    expect(run(lease, 100, 10_000)).toBeLessThanOrEqual(1850);
    lease.renew(2000);
    expect(lease.isValid(2100)).toBe(true);
  });
});
