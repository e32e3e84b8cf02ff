/** What a project may name: strategies, agents and experts. Without the catalog, the form works with its defaults. */
import { answer, api, type Schemas } from "../api/client";

export class Catalog {
  strategies = $state.raw<Schemas["StrategyInfo"][]>([]);
  agents = $state.raw<Schemas["Agent"][]>([]);
  archetypes = $state.raw<Schemas["Archetype"][]>([]);
  loaded = $state(false);

  constructor() {
    void this.#load();
  }

  /** The model that plans plain text; null if there is none. */
  get model(): string | null {
    return this.agents.find(({ id }) => id === "default")?.model ?? null;
  }

  async #load(): Promise<void> {
    await Promise.allSettled([
      answer(api.GET("/api/strategies", {})).then((response) => (this.strategies = response.strategies)),
      answer(api.GET("/api/agents", {})).then((response) => (this.agents = response.agents)),
      answer(api.GET("/api/archetypes", {})).then((response) => (this.archetypes = response.archetypes)),
    ]);
    this.loaded = true;
  }
}
