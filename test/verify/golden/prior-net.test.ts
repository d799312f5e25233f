import { testFixtures } from "../../support/golden.js";

// One fixture for each way to build the network: table of timesteps, continuous time, every option on, every option
// off.
await testFixtures(["prior-net", "prior-net-continuous", "prior-net-all", "prior-net-plain"]);
