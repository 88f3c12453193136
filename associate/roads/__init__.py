"""The learned roads on the log: edges whose figures have changed, and alarms where a road is not what it was."""
