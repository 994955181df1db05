/** Explicit, versioned serializers for what travels between operators and lives in state. */
package io.murmuration.serialization;
